package io.pinpipe.connect.s3;

import java.util.Map;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;

/** Turns a record's value into its line: bytes as they are, everything else as JsonConverter writes it. */
final class RecordLines {
  private final JsonConverter converter = new JsonConverter();

  RecordLines() {
    converter.configure(Map.of("schemas.enable", "false"), false);
  }

  /**
   * The line without its line feed.
   *
   * @throws DataException when the value is not, or cannot become, one JSON value
   */
  byte[] line(SinkRecord record) {
    if (record.value() instanceof byte[] bytes) {
      return JsonText.line(bytes);
    }
    return JsonText.line(converter.fromConnectData(record.topic(), record.valueSchema(), record.value()));
  }
}
