package io.pinpipe.connect.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class S3SinkConfigTest {
  /** The course's, with connector.class and store.url changed. */
  private static final Map<String, String> COURSE =
      Map.ofEntries(
          Map.entry("connector.class", "io.pinpipe.connect.s3.S3SinkConnector"),
          Map.entry("store.url", "http://127.0.0.1:4566"),
          Map.entry("s3.region", "us-east-1"),
          Map.entry("flush.size", "1"),
          Map.entry("schema.compatibility", "NONE"),
          Map.entry("tasks.max", "3"),
          Map.entry("topics.regex", "demo.*"),
          Map.entry("format.class", "io.confluent.connect.s3.format.json.JsonFormat"),
          Map.entry("partitioner.class", "io.confluent.connect.storage.partitioner.DefaultPartitioner"),
          Map.entry("value.converter.schemas.enable", "false"),
          Map.entry("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
          Map.entry("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
          Map.entry("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
          Map.entry("s3.bucket.name", "user-demo-bucket"));

  private static List<String> errors(Map<String, String> properties) {
    return new S3SinkConnector()
        .validate(properties).configValues().stream().flatMap(value -> value.errorMessages().stream()).toList();
  }

  private static Map<String, String> course(String... more) {
    Map<String, String> properties = new HashMap<>(COURSE);
    for (int i = 0; i < more.length; i += 2) {
      properties.put(more[i], more[i + 1]);
    }
    return properties;
  }

  @Test
  void theCoursesPropertiesAreValid() {
    assertEquals(List.of(), errors(COURSE));
    S3SinkConfig config = new S3SinkConfig(COURSE);
    assertEquals(1, config.flushSize());
    assertEquals(Optional.of("http://127.0.0.1:4566"), config.storeUrl());
    assertEquals(Optional.empty(), config.rotateMs());
    assertEquals(Optional.empty(), config.accessKey());
    assertEquals("topics", config.keys().topicsDir());
  }

  @Test
  void theirTuningIsAcceptedToo() {
    assertEquals(
        List.of(),
        errors(course("s3.part.size", "5242880", "s3.compression.type", "none", "rotate.schedule.interval.ms", "60000",
            "filename.offset.zero.pad.width", "10", "behavior.on.null.values", "ignore", "timezone", "UTC",
            "s3.part.retries", "3", "locale", "en", "rotate.interval.ms", "-1")));
  }

  @ParameterizedTest
  @CsvSource({
    "format.class, io.confluent.connect.s3.format.avro.AvroFormat",
    "storage.class, io.confluent.connect.hdfs.storage.HdfsStorage",
    "partitioner.class, io.confluent.connect.storage.partitioner.TimeBasedPartitioner",
    "schema.compatibility, BACKWARD",
    "s3.compression.type, gzip",
    "rotate.interval.ms, 1000",
    "store.kafka.keys, true",
    "file.delim, -",
  })
  void whatWouldChangeTheObjectsIsRefusedByName(String name, String value) {
    List<String> errors = errors(course(name, value));
    assertEquals(1, errors.size());
    assertTrue(errors.get(0).contains(name) && errors.get(0).contains("this connector takes only "), errors.get(0));
  }

  @ParameterizedTest
  @CsvSource({
    "flush.size, 0", "flush.size, x", "store.url, 127.0.0.1:4566", "store.url, ftp://h", "store.url, http://a b",
    "s3.bucket.name, ''", "behavior.on.null.values, write", "filename.offset.zero.pad.width, 0", "upload.threads, 0",
    "buffer.bytes, 5", "topics.dir, ''", "s3.region, ''",
  })
  void wrongValuesAreRefused(String name, String value) {
    List<String> errors = errors(course(name, value));
    assertFalse(errors.isEmpty());
    assertTrue(errors.stream().allMatch(error -> error.contains(name)), errors.toString());
  }

  @Test
  void bucketAndFlushSizeMustBeGiven() {
    String errors = String.join("\n", errors(Map.of()));
    assertTrue(errors.contains("\"s3.bucket.name\" which has no default"), errors);
    assertTrue(errors.contains("\"flush.size\" which has no default"), errors);
  }

  @ParameterizedTest
  @CsvSource({"aws.access.key.id", "aws.secret.access.key"})
  void halfAKeyIsRefused(String name) {
    Map<String, String> properties = course(name, "test");
    assertEquals(1, errors(properties).size());
    assertThrows(ConfigException.class, () -> new S3SinkConnector().start(properties));
  }

  @Test
  void aWholeKeyIsTaken() {
    Map<String, String> properties = course("aws.access.key.id", "id", "aws.secret.access.key", "secret");
    assertEquals(List.of(), errors(properties));
    assertEquals(Optional.of("id"), new S3SinkConfig(properties).accessKey());
    assertEquals("secret", new S3SinkConfig(properties).secretKey());
  }

  @Test
  void everyTaskGetsTheConnectorsProperties() {
    S3SinkConnector connector = new S3SinkConnector();
    connector.start(COURSE);
    assertEquals(List.of(COURSE, COURSE, COURSE), connector.taskConfigs(3));
    assertEquals(S3SinkTask.class, connector.taskClass());
  }

  @Test
  void theServiceLoaderFindsTheConnectorWithItsVersion() {
    List<String> found =
        ServiceLoader.load(SinkConnector.class).stream()
            .map(provider -> provider.type().getName() + " " + provider.get().version())
            .toList();
    assertEquals(List.of("io.pinpipe.connect.s3.S3SinkConnector 0.1.0"), found);
  }
}
