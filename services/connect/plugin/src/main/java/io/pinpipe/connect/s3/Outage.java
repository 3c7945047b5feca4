package io.pinpipe.connect.s3;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once that the store is away, and once that it is back, however many calls notice. */
final class Outage {
  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);

  private final String address;
  private long since;
  private boolean away;

  Outage(String address) {
    this.address = address;
  }

  synchronized void seen(StoreException failure) {
    if (!away) {
      away = true;
      since = System.nanoTime();
      LOG.warn(
          "S3 does not answer as it should ({}). What is in memory is kept and tried again until it does; when the"
              + " buffer is full the partitions are paused",
          failure.getMessage());
    }
  }

  synchronized void over() {
    if (away) {
      away = false;
      LOG.info("{} answers again, after {} s", address, (System.nanoTime() - since) / 1_000_000_000);
    }
  }
}
