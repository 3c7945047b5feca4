"""What spark-submit and Databricks' spark_python_task start: pinpipe's command line, out of the wheel."""

from pinpipe.cli import main

main()
