package io.pinpipe.connect.s3;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Cuts one partition's records into objects, for as long as the partition is assigned to the task. Used by the task's
 * thread alone; the uploads it starts run in others.
 *
 * <p>Objects that were written but not committed before (a killed worker's) are listed first, and cut again at the same
 * records: each is a start of an object, and its size tells its end. So an object never changes once it is written, and
 * no two overlap.
 */
final class PartitionWriter {
  /** How much longer than any other object one waits for the records that it held before. */
  static final Duration LEFTOVER_PATIENCE = Duration.ofSeconds(60);

  /** Memory of an object that waits, besides its bytes. */
  private static final int OVERHEAD = 256;

  /** What must be done before offsets from {@code first} on may be committed. */
  private record Pending(long first, Future<?> done) {}

  private final TopicPartition tp;
  private final S3SinkConfig config;
  private final ObjectKeys keys;
  private final Uploads uploads;
  private final RecordLines lines;
  private final ErrantRecordReporter reporter;
  private final LongSupplier nowMs;

  private final Lease lease = new Lease();
  private final AtomicLong bytes = new AtomicLong();
  private final Deque<Pending> pending = new ArrayDeque<>();
  private final Map<Long, Long> leftovers = new HashMap<>();
  private final List<SinkRecord> waiting = new ArrayList<>();
  private CompletableFuture<List<ObjectStore.Stored>> listing;
  private boolean listed;
  private OpenObject object;
  private long next = -1;

  /** @param reporter takes the records that are not JSON; null: they fail the task */
  PartitionWriter(
      TopicPartition tp,
      S3SinkConfig config,
      Uploads uploads,
      RecordLines lines,
      ErrantRecordReporter reporter,
      LongSupplier nowMs) {
    this.tp = tp;
    this.config = config;
    this.keys = config.keys();
    this.uploads = uploads;
    this.lines = lines;
    this.reporter = reporter;
    this.nowMs = nowMs;
  }

  /** Takes the next record. The first one starts the look at what the store holds; until that is done they wait. */
  void take(SinkRecord record) {
    if (listed) {
      write(record);
      return;
    }
    waiting.add(record);
    if (listing == null) {
      long first = record.originalKafkaOffset();
      String prefix = keys.prefix(tp);
      listing = uploads.list(lease, prefix, first == 0 ? prefix : keys.key(tp, first - 1));
    }
  }

  /** True while records wait for the list of the store's objects: no more should come. */
  boolean waits() {
    return listing != null && !listed;
  }

  /** True while anything runs in another thread. */
  boolean busy() {
    return waits() || !pending.isEmpty();
  }

  /** Bytes in memory. */
  long bytes() {
    return bytes.get();
  }

  /**
   * Looks at what other threads have done; true when the safe offset went on or records may come again.
   *
   * @throws ConnectException when the store or the dead-letter topic refused something for good
   */
  boolean settle() {
    boolean progress = advance();
    if (waits() && listing.isDone()) {
      for (ObjectStore.Stored stored : result(listing)) {
        keys.firstOffset(tp, stored.key()).ifPresent(first -> leftovers.put(first, stored.size()));
      }
      listed = true;
      progress = true;
      waiting.forEach(this::write);
      waiting.clear();
    }
    if (!pending.isEmpty() && pending.peek().done().isDone()) {
      result(pending.peek().done());
    }
    return progress;
  }

  /** Moves the safe offset over what is done; stops at what failed, and leaves it to {@link #settle}. */
  boolean advance() {
    boolean progress = false;
    while (!pending.isEmpty() && succeeded(pending.peek().done())) {
      pending.poll();
      progress = true;
    }
    return progress;
  }

  /** The offset below which everything is in the store, in the dead-letter topic, or left out on purpose. */
  OptionalLong safe() {
    if (!pending.isEmpty()) {
      return OptionalLong.of(pending.peek().first());
    }
    if (object != null) {
      return OptionalLong.of(object.first);
    }
    return next < 0 ? OptionalLong.empty() : OptionalLong.of(next);
  }

  /** Milliseconds until the open object is to be written by the clock; empty when it is not. */
  OptionalLong dueInMs() {
    if (object == null || config.rotateMs().isEmpty()) {
      return OptionalLong.empty();
    }
    long patience = object.leftoverSize > 0 ? LEFTOVER_PATIENCE.toMillis() : 0;
    return OptionalLong.of(object.bornMs + config.rotateMs().get() + patience - nowMs.getAsLong());
  }

  /** Writes the open object, if there is one that is not a leftover's second half. */
  void sealNew() {
    if (object != null && object.leftoverSize == 0) {
      seal();
    }
  }

  /** Writes the open object, if there is one. */
  void seal() {
    if (object == null) {
      return;
    }
    byte[] body = object.body();
    bytes.addAndGet(OVERHEAD);
    CompletableFuture<Void> done = uploads.put(lease, keys.key(tp, object.first), body);
    done.whenComplete((nothing, failure) -> bytes.addAndGet(-body.length - OVERHEAD));
    pending.add(new Pending(object.first, done));
    object = null;
  }

  /** No upload starts from now on. */
  void stop() {
    lease.stop();
  }

  /** Returns when no upload is under way any more. */
  void end(Duration grace) {
    lease.end(grace);
  }

  private void write(SinkRecord record) {
    long offset = record.originalKafkaOffset();
    if (offset < next) {
      return; // Connect went back and gives again what was taken already
    }
    if (object != null && (offset != object.end() || leftovers.containsKey(offset))) {
      seal();
    }
    byte[] line = line(record);
    next = offset + 1;
    if (line == null) {
      seal();
      return;
    }
    if (object == null) {
      Long leftover = leftovers.remove(offset);
      object = new OpenObject(offset, leftover == null ? 0 : leftover, nowMs.getAsLong());
    }
    object.add(line);
    bytes.addAndGet(line.length + 1);
    if (object.leftoverSize > 0 ? object.size() >= object.leftoverSize : object.records() >= config.flushSize()) {
      seal();
    }
  }

  /** The record's line; null when it is left out. */
  private byte[] line(SinkRecord record) {
    String place = tp + "@" + record.originalKafkaOffset();
    if (record.value() == null) {
      if (config.failOnNull()) {
        throw new ConnectException(
            place + " has no value; " + S3SinkConfig.NULL_VALUES + "=ignore leaves such records out");
      }
      return null;
    }
    try {
      return lines.line(record);
    } catch (DataException e) {
      if (reporter == null) {
        throw new ConnectException(
            place + ": " + e.getMessage() + "; errors.tolerance=all and errors.deadletterqueue.topic.name"
                + " put such records into a dead-letter topic", e);
      }
      seal();
      pending.add(new Pending(record.originalKafkaOffset(), reporter.report(record, e)));
      return null;
    }
  }

  private static boolean succeeded(Future<?> done) {
    if (!done.isDone()) {
      return false;
    }
    try {
      done.get();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException e) {
      return false;
    }
  }

  private <T> T result(Future<T> done) {
    try {
      return done.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ConnectException(tp + ": interrupted", e);
    } catch (ExecutionException e) {
      throw new ConnectException(tp + ": " + e.getCause().getMessage(), e.getCause());
    }
  }
}
