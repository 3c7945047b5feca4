package io.pinpipe.connect.s3;

import static io.pinpipe.connect.s3.Rig.TP;
import static io.pinpipe.connect.s3.Rig.lines;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.junit.jupiter.api.Test;

/** The store is slow, away, or says no. */
class StoreAwayTest {
  private static final TopicPartition OTHER = new TopicPartition("demo.geo", 0);

  @Test
  void theStoreComesBackAndNothingIsMissing() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      rig.store.away = true;
      rig.put(TP, 3, 9);
      int attempts = rig.store.attempts.get();
      rig.until(() -> rig.store.attempts.get() > attempts + 4);
      assertEquals(3, rig.safe(TP));
      rig.store.away = false;
      rig.untilSafe(9);
      assertEquals(List.of(lines(3, 6), lines(6, 9)), List.of(rig.object(3), rig.object(6)));
    }
  }

  @Test
  void aStoreThatIsAwayAtTheStartHoldsThePartitionsAndNothingFails() {
    MemoryStore store = new MemoryStore();
    store.away = true;
    try (Rig rig = new Rig(store).assign(TP, OTHER)) {
      rig.put(TP, 5, 8);
      assertEquals(Set.of(TP), rig.context.paused, "no more records until it is known what the store holds");
      assertEquals(-1, rig.safe(TP));
      rig.put();
      store.away = false;
      rig.untilSafe(8);
      assertEquals(Set.of(), rig.context.paused);
    }
  }

  @Test
  void memoryIsBoundedByPausingEveryPartition() {
    MemoryStore store = new MemoryStore();
    try (Rig rig = new Rig(store, "buffer.bytes", "10000", "flush.size", "1").assign(TP, OTHER)) {
      rig.put(TP, 0, 1);
      rig.untilSafe(1);
      store.away = true;
      long next = 1;
      while (rig.context.paused.isEmpty()) {
        rig.put(TP, next, next + 10);
        next += 10;
        assertTrue(next < 1_000, "it must pause");
      }
      assertEquals(Set.of(TP, OTHER), rig.context.paused);
      store.away = false;
      rig.untilSafe(next);
      assertEquals(Set.of(), rig.context.paused);
      assertEquals(next, store.objects.size());
    }
  }

  @Test
  void openObjectsCountAndAreWrittenWhenTheyFillTheBuffer() {
    try (Rig rig = new Rig("buffer.bytes", "2000", "flush.size", "1000000").assign(TP, OTHER)) {
      rig.put(TP, 0, 1);
      rig.put(OTHER, 0, 1);
      rig.until(() -> rig.safe(TP) == 0 && rig.safe(OTHER) == 0);
      rig.put(TP, 1, 900);
      rig.untilSafe(900);
      assertEquals(lines(0, 900), rig.object(0));
      rig.until(() -> rig.context.paused.isEmpty());
    }
  }

  @Test
  void putAndPreCommitDoNotWaitForASlowStore() {
    MemoryStore store = new MemoryStore();
    store.permits = new Semaphore(0);
    try (Rig rig = new Rig(store, "flush.size", "1").assign(TP)) {
      long start = System.nanoTime();
      for (int i = 0; i < 50; i++) {
        rig.put(TP, i * 10L, i * 10L + 10);
        rig.safe(TP);
      }
      assertTrue(System.nanoTime() - start < 2_000_000_000L);
      store.permits.release(1_000);
      rig.untilSafe(500);
    }
  }

  @Test
  void uploadsRunAtTheSameTimeUpToTheirBound() {
    MemoryStore store = new MemoryStore();
    store.permits = new Semaphore(0);
    try (Rig rig = new Rig(store, "flush.size", "1", "upload.threads", "5").assign(TP)) {
      rig.put(TP, 0, 20);
      rig.until(() -> store.inside.get() == 5);
      store.permits.release(20);
      rig.untilSafe(20);
      assertEquals(5, store.mostInside.get());
    }
  }

  @Test
  void theSafeOffsetStopsAtTheFirstUploadThatIsNotDone() {
    MemoryStore store = new MemoryStore();
    store.failingKeys.add(Rig.key(TP, 3));
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 0, 12);
      rig.until(() -> store.objects.size() == 3);
      rig.untilSafe(3);
      store.failingKeys.clear();
      rig.untilSafe(12);
    }
  }

  @Test
  void aRefusalFailsTheTaskWithTheStoresWordsAndCommitsNothing() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      rig.store.refusing = true;
      rig.put(TP, 3, 6);
      ConnectException e = assertThrows(ConnectException.class, () -> rig.until(() -> false));
      assertEquals("demo.pin-0: 403 AccessDenied", e.getMessage());
      assertEquals(3, rig.safe(TP));
    }
  }

  @Test
  void aCommitIsAskedForRightBehindAnUpload() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 1);
      rig.untilSafe(0);
      rig.nowMs.addAndGet(10_000);
      rig.put();
      int before = rig.context.commitRequests;
      rig.nowMs.addAndGet(200);
      rig.put(TP, 1, 3);
      rig.until(() -> rig.context.commitRequests == before + 1);
      rig.nowMs.addAndGet(10_000);
      rig.put();
      assertEquals(before + 1, rig.context.commitRequests, "nothing new, nothing asked");
    }
  }

  @Test
  void thePausedPartitionThatComesBackIsResumed() {
    MemoryStore store = new MemoryStore();
    store.away = true;
    try (Rig rig = new Rig(store).assign(TP)) {
      rig.put(TP, 0, 3);
      assertEquals(Set.of(TP), rig.context.paused);
      rig.task.close(List.of(TP));
      rig.assign(TP);
      assertEquals(Set.of(), rig.context.paused);
    }
  }
}
