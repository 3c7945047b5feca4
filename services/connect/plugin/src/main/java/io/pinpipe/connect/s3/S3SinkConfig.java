package io.pinpipe.connect.s3;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.types.Password;

/**
 * The connector's properties. Confluent's names and meanings, so that a configuration written for its S3 sink runs; a
 * property that would make objects look different is accepted only with the value that leaves them as they are.
 */
final class S3SinkConfig extends AbstractConfig {
  static final String BUCKET = "s3.bucket.name";
  static final String REGION = "s3.region";
  static final String STORE_URL = "store.url";
  static final String PATH_STYLE = "s3.path.style.access.enabled";
  static final String ACCESS_KEY = "aws.access.key.id";
  static final String SECRET_KEY = "aws.secret.access.key";
  static final String TOPICS_DIR = "topics.dir";
  static final String PAD_WIDTH = "filename.offset.zero.pad.width";
  static final String FLUSH_SIZE = "flush.size";
  static final String ROTATE_MS = "rotate.schedule.interval.ms";
  static final String NULL_VALUES = "behavior.on.null.values";
  static final String UPLOAD_THREADS = "upload.threads";
  static final String BUFFER_BYTES = "buffer.bytes";

  static final ConfigDef DEFINITION = definition();

  private static final String KEYS_TOGETHER =
      ACCESS_KEY + " and " + SECRET_KEY + " belong together: set both, or neither for AWS's default credentials";

  S3SinkConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }

  /** Refuses values that don't go together. */
  void check() {
    if (accessKey().isEmpty() != secretKey().isEmpty()) {
      throw new ConfigException(KEYS_TOGETHER);
    }
  }

  String bucket() {
    return getString(BUCKET);
  }

  String region() {
    return getString(REGION);
  }

  /** Another endpoint than AWS's. */
  Optional<String> storeUrl() {
    return Optional.of(getString(STORE_URL)).filter(url -> !url.isEmpty());
  }

  boolean pathStyle() {
    return getBoolean(PATH_STYLE);
  }

  /** A key of the connector's own; without one AWS's default chain is asked. */
  Optional<String> accessKey() {
    return Optional.of(getString(ACCESS_KEY)).filter(key -> !key.isEmpty());
  }

  String secretKey() {
    return getPassword(SECRET_KEY).value();
  }

  ObjectKeys keys() {
    return new ObjectKeys(getString(TOPICS_DIR), getInt(PAD_WIDTH));
  }

  /** Records of a full object. */
  int flushSize() {
    return getInt(FLUSH_SIZE);
  }

  /** The age at which an object that is not full is written all the same; empty: never. */
  Optional<Long> rotateMs() {
    return Optional.of(getLong(ROTATE_MS)).filter(ms -> ms > 0);
  }

  boolean failOnNull() {
    return getString(NULL_VALUES).equals("fail");
  }

  /** Uploads of a task at the same time. */
  int uploadThreads() {
    return getInt(UPLOAD_THREADS);
  }

  /** Bytes a task keeps before it pauses its partitions. */
  long bufferBytes() {
    return getLong(BUFFER_BYTES);
  }

  /** Adds the errors that only show when several values are looked at together. */
  static void checkTogether(Config config) {
    Optional<ConfigValue> access = value(config, ACCESS_KEY);
    Optional<ConfigValue> secret = value(config, SECRET_KEY);
    if (access.isPresent() && secret.isPresent() && isEmpty(access.get()) != isEmpty(secret.get())) {
      access.get().addErrorMessage(KEYS_TOGETHER);
    }
  }

  private static boolean isEmpty(ConfigValue value) {
    Object held = value.value() instanceof Password password ? password.value() : value.value();
    return held == null || held.equals("");
  }

  private static Optional<ConfigValue> value(Config config, String name) {
    return config.configValues().stream().filter(value -> value.name().equals(name)).findFirst();
  }

  private static ConfigDef definition() {
    ConfigDef def = new ConfigDef();
    ConfigDef.Validator present = new ConfigDef.NonEmptyString();
    Object required = ConfigDef.NO_DEFAULT_VALUE;
    def.define(BUCKET, Type.STRING, required, present, Importance.HIGH, "The bucket.");
    def.define(REGION, Type.STRING, "us-west-2", present, Importance.HIGH, "The bucket's region.");
    def.define(STORE_URL, Type.STRING, "", new HttpUrl(), Importance.MEDIUM,
        "Address of an S3 that is not AWS's, as http://127.0.0.1:4566; empty: AWS.");
    def.define(PATH_STYLE, Type.BOOLEAN, true, Importance.LOW,
        "Put the bucket's name into the path, not the host name.");
    def.define(ACCESS_KEY, Type.STRING, "", Importance.MEDIUM, "Access key; empty: AWS's default credentials.");
    def.define(SECRET_KEY, Type.PASSWORD, "", Importance.MEDIUM, "The secret of the access key.");
    def.define(TOPICS_DIR, Type.STRING, "topics", present, Importance.MEDIUM, "What all keys start with.");
    def.define(PAD_WIDTH, Type.INT, 10, ConfigDef.Range.between(1, 18), Importance.LOW,
        "Digits of the offset in a key, filled up with zeros.");
    def.define(FLUSH_SIZE, Type.INT, required, ConfigDef.Range.atLeast(1), Importance.HIGH,
        "Records of a full object.");
    def.define(ROTATE_MS, Type.LONG, -1L, Importance.MEDIUM,
        "Age in milliseconds at which an object that is not full is written all the same; -1: never.");
    def.define(NULL_VALUES, Type.STRING, "ignore", ConfigDef.ValidString.in("ignore", "fail"), Importance.LOW,
        "A record without a value: leave it out, or fail the task.");
    def.define(UPLOAD_THREADS, Type.INT, 8, ConfigDef.Range.between(1, 256), Importance.LOW,
        "Uploads of a task at the same time.");
    def.define(BUFFER_BYTES, Type.LONG, 32L << 20, ConfigDef.Range.atLeast(1L << 10), Importance.LOW,
        "Bytes a task keeps in memory before it pauses its partitions.");
    only(def, "storage.class", "io.confluent.connect.s3.storage.S3Storage");
    only(def, "format.class", "io.confluent.connect.s3.format.json.JsonFormat");
    only(def, "partitioner.class", "io.confluent.connect.storage.partitioner.DefaultPartitioner");
    only(def, "schema.compatibility", "NONE");
    only(def, "s3.compression.type", "none");
    only(def, "directory.delim", "/");
    only(def, "file.delim", "+");
    only(def, "rotate.interval.ms", "-1");
    only(def, "store.kafka.keys", "false");
    only(def, "store.kafka.headers", "false");
    only(def, "s3.object.tagging", "false");
    only(def, "s3.ssea.name", "");
    return def;
  }

  /** Defines a property of Confluent's that has one value here. */
  private static void only(ConfigDef def, String name, String value) {
    def.define(name, Type.STRING, value, new Only(value), Importance.LOW,
        "Accepted with the one value that this connector has.");
  }

  private record Only(String value) implements ConfigDef.Validator {
    @Override
    public void ensureValid(String name, Object given) {
      if (!value.equals(given)) {
        throw new ConfigException(name, given, "this connector takes " + this + "; set that or leave it out");
      }
    }

    @Override
    public String toString() {
      return value.isEmpty() ? "only the empty value" : "only " + value;
    }
  }

  private record HttpUrl() implements ConfigDef.Validator {
    @Override
    public void ensureValid(String name, Object given) {
      String url = (String) given;
      if (!url.isEmpty() && !isHttp(url)) {
        throw new ConfigException(name, given, "expected an address such as http://127.0.0.1:4566");
      }
    }

    private static boolean isHttp(String url) {
      try {
        URI uri = URI.create(url);
        return uri.getHost() != null && List.of("http", "https").contains(String.valueOf(uri.getScheme()));
      } catch (IllegalArgumentException e) {
        return false;
      }
    }

    @Override
    public String toString() {
      return "empty, or an http or https address";
    }
  }
}
