package io.pinpipe.connect.s3;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Calls to the store, some at a time, each repeated until it succeeds, is refused for good, or its lease ends. A call
 * whose lease has ended is never made; its future then never completes.
 */
final class Uploads implements AutoCloseable {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  private static final Duration PULSE_PAUSE = Duration.ofMillis(50);

  private final ObjectStore store;
  private final Pulse pulse;
  private final Outage outage;
  private final ExecutorService threads;

  Uploads(ObjectStore store, int concurrency, Pulse pulse) {
    this.store = store;
    this.pulse = pulse;
    this.outage = new Outage(store.address());
    AtomicInteger number = new AtomicInteger();
    threads =
        Executors.newFixedThreadPool(
            concurrency,
            job -> {
              Thread thread = new Thread(job, "s3-sink-upload-" + number.getAndIncrement());
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Completes when the object is in the store. */
  CompletableFuture<Void> put(Lease lease, String key, byte[] body) {
    return submit(
        lease,
        () -> {
          store.put(key, body);
          return null;
        });
  }

  /** Completes with the objects after {@code after} of those that start with {@code prefix}. */
  CompletableFuture<List<ObjectStore.Stored>> list(Lease lease, String prefix, String after) {
    return submit(lease, () -> store.list(prefix, after));
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }

  private interface Call<T> {
    T run() throws StoreException;
  }

  private <T> CompletableFuture<T> submit(Lease lease, Call<T> call) {
    CompletableFuture<T> result = new CompletableFuture<>();
    threads.execute(() -> untilDone(lease, call, result));
    return result;
  }

  private <T> void untilDone(Lease lease, Call<T> call, CompletableFuture<T> result) {
    Duration pause = FIRST_PAUSE;
    try {
      while (!tried(lease, call, result)) {
        // spread, so that the threads don't knock all at once
        if (!lease.sleep(pause.multipliedBy(ThreadLocalRandom.current().nextInt(50, 100)).dividedBy(100))) {
          return;
        }
        pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
      }
    } catch (InterruptedException e) {
      // the pool is closed
    }
  }

  /** Makes the call once; true when there is nothing left to do. */
  private <T> boolean tried(Lease lease, Call<T> call, CompletableFuture<T> result) throws InterruptedException {
    while (!pulse.steady()) {
      if (!lease.sleep(PULSE_PAUSE)) {
        return true;
      }
    }
    if (!lease.enter()) {
      return true;
    }
    try {
      T value = call.run();
      outage.over();
      result.complete(value);
      return true;
    } catch (StoreException e) {
      if (e.permanent()) {
        result.completeExceptionally(e);
        return true;
      }
      if (!lease.ended()) {
        outage.seen(e);
      }
      return false;
    } catch (RuntimeException | Error e) {
      result.completeExceptionally(e);
      return true;
    } finally {
      lease.leave();
    }
  }
}
