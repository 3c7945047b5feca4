package io.pinpipe.connect.s3;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/**
 * Hands each partition's records to its {@link PartitionWriter}, and tells Connect what is safe, when to come again and
 * which partitions to pause. No call waits for the store, but {@link #close} for the uploads that are under way.
 */
public final class S3SinkTask extends SinkTask {
  /** How long an upload under way may take when its partition is taken away; then its connection is cut. */
  private static final Duration CLOSE_GRACE = Duration.ofSeconds(5);

  private static final long COMMIT_EVERY_MS = 200;
  private static final long SHORTEST_WAIT_MS = 10;
  private static final long LONGEST_WAIT_MS = 500;

  /** Called at least this often, so that a longer gap means that the process stood still: see {@link Pulse}. */
  private static final long BEAT_MS = 1_000;

  private final Function<S3SinkConfig, ObjectStore> storeFactory;
  private final LongSupplier nowMs;
  private final Map<TopicPartition, PartitionWriter> writers = new LinkedHashMap<>();
  private final Set<TopicPartition> paused = new HashSet<>();

  private S3SinkConfig config;
  private ObjectStore store;
  private Pulse pulse;
  private Uploads uploads;
  private RecordLines lines;
  private boolean full;
  private boolean commitDue;
  private long lastCommitMs;
  private long waitMs;

  public S3SinkTask() {
    this(S3ObjectStore::new, () -> System.nanoTime() / 1_000_000);
  }

  S3SinkTask(Function<S3SinkConfig, ObjectStore> storeFactory, LongSupplier nowMs) {
    this.storeFactory = storeFactory;
    this.nowMs = nowMs;
  }

  @Override
  public String version() {
    return S3SinkConnector.VERSION;
  }

  @Override
  public void start(Map<String, String> properties) {
    config = new S3SinkConfig(properties);
    store = storeFactory.apply(config);
    pulse = new Pulse(System::nanoTime);
    uploads = new Uploads(store, config.uploadThreads(), pulse);
    lines = new RecordLines();
    lastCommitMs = nowMs.getAsLong();
    context.timeout(BEAT_MS);
  }

  @Override
  public void open(Collection<TopicPartition> partitions) {
    pulse.fresh();
    for (TopicPartition tp : partitions) {
      writers.put(tp, new PartitionWriter(tp, config, uploads, lines, context.errantRecordReporter(), nowMs));
    }
    // a partition that comes back is still paused if it was paused when it went
    context.resume(partitions.toArray(TopicPartition[]::new));
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    pulse.beat();
    boolean progress = settle() || !records.isEmpty();
    for (SinkRecord record : records) {
      PartitionWriter writer = writers.get(new TopicPartition(record.originalTopic(), record.originalKafkaPartition()));
      writer.take(record);
    }
    writers.values().stream().filter(writer -> writer.dueInMs().orElse(1) <= 0).forEach(PartitionWriter::seal);
    bound();
    requestCommit();
    comeAgain(progress);
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> consumed) {
    Map<TopicPartition, OffsetAndMetadata> safe = new HashMap<>();
    for (TopicPartition tp : consumed.keySet()) {
      PartitionWriter writer = writers.get(tp);
      if (writer != null) {
        writer.advance();
        writer.safe().ifPresent(offset -> safe.put(tp, new OffsetAndMetadata(offset)));
      }
    }
    return safe;
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    var closing = partitions.stream().map(writers::remove).filter(Objects::nonNull).toList();
    paused.removeAll(partitions);
    closing.forEach(PartitionWriter::stop);
    closing.forEach(writer -> writer.end(CLOSE_GRACE));
  }

  @Override
  public void stop() {
    close(Set.copyOf(writers.keySet()));
    if (uploads != null) {
      uploads.close();
    }
    if (store != null) {
      store.close();
    }
  }

  private boolean settle() {
    boolean progress = false;
    for (PartitionWriter writer : writers.values()) {
      progress |= writer.settle();
    }
    commitDue |= progress;
    return progress;
  }

  /** Pauses the partitions while too much is in memory, and each one that waits for its list of objects. */
  private void bound() {
    long bytes = writers.values().stream().mapToLong(PartitionWriter::bytes).sum();
    // the gap between the two keeps it from changing with every upload
    full = full ? bytes > config.bufferBytes() / 2 : bytes > config.bufferBytes();
    if (full) {
      writers.values().forEach(PartitionWriter::sealNew);
      if (writers.values().stream().noneMatch(PartitionWriter::busy)) {
        writers.values().forEach(PartitionWriter::seal);
      }
    }
    writers.forEach(
        (tp, writer) -> {
          boolean pause = full || writer.waits();
          if (pause && paused.add(tp)) {
            context.pause(tp);
          } else if (!pause && paused.remove(tp)) {
            context.resume(tp);
          }
        });
  }

  /** Asks for a commit right behind what was written, so that little is read again after a kill. */
  private void requestCommit() {
    long now = nowMs.getAsLong();
    if (commitDue && now - lastCommitMs >= COMMIT_EVERY_MS) {
      commitDue = false;
      lastCommitMs = now;
      context.requestCommit();
    }
  }

  /** Tells Connect when to call again without records: soon while uploads come to an end, later when they don't. */
  private void comeAgain(boolean progress) {
    waitMs = progress ? SHORTEST_WAIT_MS : Math.min(Math.max(waitMs, SHORTEST_WAIT_MS) * 2, LONGEST_WAIT_MS);
    long wait = BEAT_MS;
    if (commitDue || writers.values().stream().anyMatch(PartitionWriter::busy)) {
      wait = Math.min(wait, waitMs);
    }
    for (PartitionWriter writer : writers.values()) {
      OptionalLong due = writer.dueInMs();
      if (due.isPresent()) {
        wait = Math.min(wait, Math.max(due.getAsLong(), 1));
      }
    }
    context.timeout(wait);
  }
}
