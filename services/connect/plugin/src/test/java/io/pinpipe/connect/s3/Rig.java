package io.pinpipe.connect.s3;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** A task with a bucket in memory, a clock that is set by hand, and what the worker would have noted. */
final class Rig implements AutoCloseable {
  static final TopicPartition TP = new TopicPartition("demo.pin", 0);

  final MemoryStore store;
  final AtomicLong nowMs = new AtomicLong(1_000);
  final Context context = new Context();
  final S3SinkTask task;

  /** A task on a new bucket. */
  Rig(String... properties) {
    this(new MemoryStore(), properties);
  }

  /** A task on a bucket that another one wrote to; properties as name, value, name, value. */
  Rig(MemoryStore store, String... properties) {
    this.store = store;
    task = new S3SinkTask(config -> store, nowMs::get);
    task.initialize(context);
    task.start(properties(properties));
  }

  static Map<String, String> properties(String... more) {
    Map<String, String> properties =
        new HashMap<>(Map.of("s3.bucket.name", "b", "s3.region", "us-east-1", "flush.size", "3"));
    for (int i = 0; i < more.length; i += 2) {
      properties.put(more[i], more[i + 1]);
    }
    return properties;
  }

  Rig assign(TopicPartition... partitions) {
    context.assignment.addAll(Arrays.asList(partitions));
    task.open(Arrays.asList(partitions));
    return this;
  }

  static SinkRecord record(TopicPartition tp, long offset, Object value) {
    Object given = value instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : value;
    return new SinkRecord(tp.topic(), tp.partition(), null, null, null, given, offset);
  }

  /** Gives records with the offsets from..to-1; their values are their offsets. */
  void put(TopicPartition tp, long from, long to) {
    List<SinkRecord> records = new ArrayList<>();
    for (long offset = from; offset < to; offset++) {
      records.add(record(tp, offset, String.valueOf(offset)));
    }
    task.put(records);
  }

  void put(SinkRecord... records) {
    task.put(Arrays.asList(records));
  }

  /** Calls the task as the worker does while no records come, until something holds. */
  void until(BooleanSupplier condition) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        fail("did not happen within 10 s; " + store.objects.size() + " objects, safe " + committed());
      }
      task.put(List.of());
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Calls the task until this offset of {@link #TP} is safe. */
  void untilSafe(long offset) {
    until(() -> safe(TP) == offset);
  }

  /** The offset that the worker would commit; -1: none. */
  long safe(TopicPartition tp) {
    OffsetAndMetadata offset = committed().get(tp);
    return offset == null ? -1 : offset.offset();
  }

  Map<TopicPartition, OffsetAndMetadata> committed() {
    Map<TopicPartition, OffsetAndMetadata> consumed = new HashMap<>();
    context.assignment.forEach(tp -> consumed.put(tp, new OffsetAndMetadata(Long.MAX_VALUE)));
    return task.preCommit(consumed);
  }

  static String key(TopicPartition tp, long first) {
    return new ObjectKeys("topics", 10).key(tp, first);
  }

  /** The object's text, by its first offset in {@link #TP}; null without one. */
  String object(long first) {
    return store.text(key(TP, first));
  }

  /** The text of an object that holds the records from..to-1 of {@link #put}. */
  static String lines(long from, long to) {
    StringBuilder text = new StringBuilder();
    for (long offset = from; offset < to; offset++) {
      text.append(offset).append('\n');
    }
    return text.toString();
  }

  @Override
  public void close() {
    task.stop();
  }

  /** What the worker is to the task. */
  static final class Context implements SinkTaskContext {
    final Set<TopicPartition> assignment = new HashSet<>();
    final Set<TopicPartition> paused = new HashSet<>();
    final Map<Long, String> reported = new HashMap<>();
    int commitRequests;
    long timeoutMs = -1;
    boolean withDeadLetters = true;
    Future<Void> reporting = CompletableFuture.completedFuture(null);

    @Override
    public Map<String, String> configs() {
      return Map.of();
    }

    @Override
    public void offset(Map<TopicPartition, Long> offsets) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void offset(TopicPartition tp, long offset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void timeout(long ms) {
      timeoutMs = ms;
    }

    @Override
    public Set<TopicPartition> assignment() {
      return assignment;
    }

    @Override
    public void pause(TopicPartition... partitions) {
      requireAssigned(partitions);
      paused.addAll(Arrays.asList(partitions));
    }

    @Override
    public void resume(TopicPartition... partitions) {
      requireAssigned(partitions);
      paused.removeAll(Arrays.asList(partitions));
    }

    @Override
    public void requestCommit() {
      commitRequests++;
    }

    @Override
    public ErrantRecordReporter errantRecordReporter() {
      if (!withDeadLetters) {
        return null;
      }
      return (record, error) -> {
        reported.put(record.kafkaOffset(), error.getMessage());
        return reporting;
      };
    }

    private void requireAssigned(TopicPartition... partitions) {
      if (!assignment.containsAll(Arrays.asList(partitions))) {
        throw new IllegalStateException("not assigned: " + Arrays.toString(partitions));
      }
    }
  }
}
