package io.pinpipe.connect.s3;

import static io.pinpipe.connect.s3.Rig.TP;
import static io.pinpipe.connect.s3.Rig.lines;
import static io.pinpipe.connect.s3.Rig.record;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks that end between an upload and the commit of its offset, and what the next one does. */
class InterruptedTest {

  private static void leftover(MemoryStore store, long from, long to) {
    store.objects.put(Rig.key(TP, from), lines(from, to).getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void whatWasWrittenButNotCommittedIsCutAgainAtTheSameRecords() {
    MemoryStore store = new MemoryStore();
    leftover(store, 10, 12);
    leftover(store, 12, 17);
    Map<String, byte[]> before = new HashMap<>(store.objects);
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 10, 20);
      rig.untilSafe(20);
      before.forEach((key, body) -> assertArrayEquals(body, store.objects.get(key), key));
      assertEquals(lines(17, 20), rig.object(17));
      assertEquals(3, store.objects.size());
    }
  }

  @Test
  void anUploadThatWasOvertakenFillsItsGapAndNoMore() {
    MemoryStore store = new MemoryStore();
    leftover(store, 2, 4);
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 0, 5);
      rig.untilSafe(4);
      assertEquals(List.of(lines(0, 2), lines(2, 4)), List.of(rig.object(0), rig.object(2)));
    }
  }

  @Test
  void theClockLeavesALeftoverTimeToFillUp() {
    MemoryStore store = new MemoryStore();
    leftover(store, 0, 3);
    try (Rig rig = new Rig(store, "flush.size", "100", "rotate.schedule.interval.ms", "10").assign(TP)) {
      rig.put(TP, 0, 2);
      rig.untilSafe(0);
      rig.nowMs.addAndGet(5_000);
      rig.put(TP, 2, 4);
      rig.untilSafe(3);
      assertEquals(lines(0, 3), rig.object(0));
    }
  }

  @Test
  void aLeftoverWhoseRecordsDoNotComeIsWrittenAfterAMinute() {
    MemoryStore store = new MemoryStore();
    leftover(store, 0, 9);
    try (Rig rig = new Rig(store, "flush.size", "100", "rotate.schedule.interval.ms", "10").assign(TP)) {
      rig.put(TP, 0, 2);
      rig.untilSafe(0);
      rig.nowMs.addAndGet(PartitionWriter.LEFTOVER_PATIENCE.toMillis() + 10);
      rig.untilSafe(2);
      assertEquals(lines(0, 2), rig.object(0));
    }
  }

  @Test
  void objectsBelowTheCommittedOffsetAndOtherFilesAreNotLookedAt() {
    MemoryStore store = new MemoryStore();
    leftover(store, 3, 6);
    store.objects.put("topics/demo.pin/partition=0/demo.pin+0+0000000007.json.tmp", new byte[100]);
    store.objects.put("topics/demo.pin/partition=0/demo.pin+0+x.json", new byte[100]);
    store.objects.put(new ObjectKeys("topics", 10).key(new org.apache.kafka.common.TopicPartition("demo.pin", 1), 7),
        new byte[100]);
    Map<String, byte[]> before = new HashMap<>(store.objects);
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 6, 9);
      rig.untilSafe(9);
      assertEquals(lines(6, 9), rig.object(6));
      before.forEach((key, body) -> assertArrayEquals(body, store.objects.get(key), key));
    }
  }

  @Test
  void anEmptiedLakeIsWrittenAgain() {
    MemoryStore store = new MemoryStore();
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 0, 6);
      rig.untilSafe(6);
    }
    Map<String, byte[]> before = new HashMap<>(store.objects);
    store.objects.clear();
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 0, 6);
      rig.untilSafe(6);
      assertEquals(before.keySet(), store.objects.keySet());
    }
  }

  /** Kills at any moment: some uploads landed, some not, in any order; the clock cuts anywhere. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void noRecordIsLostOrTwiceAndNoObjectEverChangesHoweverOftenItIsKilled(int seed) {
    Random random = new Random(seed);
    MemoryStore store = new MemoryStore();
    List<SinkRecord> topic = new ArrayList<>();
    for (long offset = 0; offset < 300; offset++) {
      int kind = random.nextInt(30);
      topic.add(record(TP, offset, kind == 0 ? null : kind == 1 ? "poison" : "{\"o\":" + offset + "}"));
    }
    Map<String, byte[]> seen = new HashMap<>();
    long committed = 0;
    for (int run = 0; committed < 300; run++) {
      // killed: never closed, its thread pool is abandoned after all that can land has landed
      Rig rig = new Rig(store, "flush.size", "7", "rotate.schedule.interval.ms", "5", "upload.threads", "4").assign(TP);
      boolean last = run >= 12;
      for (long at = committed; at < 300; at++) {
        if (!last && random.nextInt(4) == 0) {
          store.failingKeys.add(Rig.key(TP, at));
        }
      }
      long end = last ? 300 : Math.min(300, committed + random.nextInt(60));
      for (long at = committed; at < end; ) {
        long next = Math.min(end, at + 1 + random.nextInt(9));
        rig.task.put(topic.subList((int) at, (int) next));
        at = next;
        rig.until(() -> rig.safe(TP) >= 0);
        rig.nowMs.addAndGet(random.nextInt(4));
        if (random.nextInt(3) == 0) {
          committed = Math.max(committed, rig.safe(TP));
        }
      }
      if (last) {
        rig.until(() -> {
          rig.nowMs.addAndGet(1_000);
          return rig.safe(TP) == 300;
        });
        committed = 300;
      }
      rig.close();
      store.failingKeys.clear();
      seen.forEach((key, body) -> assertArrayEquals(body, store.objects.get(key), key + " changed"));
      seen.putAll(store.objects);
    }
    List<Long> offsets = new ArrayList<>();
    store.objects.forEach((key, body) -> {
      long first = new ObjectKeys("topics", 10).firstOffset(TP, key).getAsLong();
      for (String line : new String(body, StandardCharsets.UTF_8).split("\n")) {
        assertEquals("{\"o\":" + first + "}", line, key);
        offsets.add(first++);
      }
    });
    List<Long> expected =
        topic.stream()
            .filter(r -> r.value() != null && !new String((byte[]) r.value(), StandardCharsets.UTF_8).equals("poison"))
            .map(SinkRecord::kafkaOffset)
            .toList();
    assertEquals(expected, offsets.stream().sorted().toList());
  }

  @Test
  void closeWaitsForTheUploadUnderWayAndStartsNoOther() throws InterruptedException {
    MemoryStore store = new MemoryStore();
    store.permits = new Semaphore(0);
    store.deaf = true;
    try (Rig rig = new Rig(store, "flush.size", "1", "upload.threads", "1").assign(TP)) {
      rig.put(TP, 0, 5);
      rig.until(() -> store.inside.get() == 1);
      Thread close = new Thread(() -> rig.task.close(List.of(TP)));
      close.start();
      close.join(200);
      assertTrue(close.isAlive(), "waits");
      store.permits.release(100);
      close.join(5_000);
      assertFalse(close.isAlive());
      assertEquals(List.of(Rig.key(TP, 0)), List.copyOf(store.puts));
      Thread.sleep(100);
      assertEquals(1, store.puts.size(), "nothing is written after close");
    }
  }

  @Test
  void anUploadThatHangsIsCutOff() {
    MemoryStore store = new MemoryStore();
    store.permits = new Semaphore(0);
    Lease lease = new Lease();
    try (Uploads uploads = new Uploads(store, 2, new Pulse(System::nanoTime))) {
      uploads.put(lease, "k", new byte[1]);
      while (store.inside.get() == 0) {
        Thread.onSpinWait();
      }
      long start = System.nanoTime();
      lease.end(Duration.ofMillis(50));
      assertTrue(System.nanoTime() - start < 5_000_000_000L);
      assertEquals(0, store.inside.get());
      store.permits.release(10);
      // the pool's threads are not hurt by it: another lease's upload goes through
      uploads.put(new Lease(), "other", new byte[1]).join();
      assertNull(store.objects.get("k"));
    }
  }

  @Test
  void aTaskThatStoodStillWritesNothingBeforeItCanHaveHeardThatItsPartitionIsLost() throws InterruptedException {
    MemoryStore store = new MemoryStore();
    AtomicLong nanos = new AtomicLong();
    Pulse pulse = new Pulse(nanos::get);
    Lease lost = new Lease();
    Lease kept = new Lease();
    try (Uploads uploads = new Uploads(store, 2, pulse)) {
      nanos.addAndGet(Pulse.LONGEST_GAP.toNanos() + 1); // frozen, with uploads in hand
      uploads.put(lost, "lost", new byte[1]);
      CompletableFuture<Void> keptPut = uploads.put(kept, "kept", new byte[1]);
      Thread.sleep(150);
      pulse.beat(); // awake; Connect's first calls may come before the consumer knows
      nanos.addAndGet(Pulse.RECOVERY.toNanos());
      pulse.beat();
      pulse.beat();
      Thread.sleep(150);
      assertEquals(0, store.attempts.get());
      lost.end(Duration.ofSeconds(1)); // the partition is closed: somebody else has it
      nanos.addAndGet(Pulse.RECOVERY.toNanos() + 1);
      pulse.fresh();
      keptPut.join();
      assertEquals(Set.of("kept"), store.objects.keySet());
    }
  }

  @Test
  void aTaskThatStoodStillAndKeptItsPartitionsGoesOnByItself() {
    AtomicLong nanos = new AtomicLong();
    Pulse pulse = new Pulse(nanos::get);
    assertTrue(pulse.steady());
    nanos.addAndGet(Pulse.LONGEST_GAP.toNanos() + 1);
    assertFalse(pulse.steady());
    pulse.beat();
    assertFalse(pulse.steady());
    for (int i = 0; i < 6; i++) {
      nanos.addAndGet(1_000_000_000);
      pulse.beat();
    }
    assertTrue(pulse.steady());
  }

  @Test
  void anIdleTaskAsksToBeCalledOftenEnoughToKeepItsPulse() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put();
      assertTrue(rig.context.timeoutMs > 0 && rig.context.timeoutMs * 2 < Pulse.LONGEST_GAP.toMillis());
    }
  }

  @Test
  void aPartitionThatComesBackStartsAfresh() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 2);
      rig.task.close(List.of(TP));
      rig.assign(TP);
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      assertEquals(lines(0, 3), rig.object(0));
    }
  }

  @Test
  void stopEndsTheStoreToo() {
    Rig rig = new Rig().assign(TP);
    rig.close();
    assertTrue(rig.store.closed);
  }
}
