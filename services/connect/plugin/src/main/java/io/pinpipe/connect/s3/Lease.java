package io.pinpipe.connect.s3;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * One assignment of a partition to a task. Work in other threads enters it before it touches the store and leaves it
 * after; once {@link #end} has returned nothing of it is in the store's hands any more, and nothing more can enter.
 */
final class Lease {
  private final Set<Thread> inside = new HashSet<>();
  private boolean ended;

  /** True: go on, and leave afterwards. False: the partition is somebody else's now. */
  synchronized boolean enter() {
    if (!ended) {
      inside.add(Thread.currentThread());
    }
    return !ended;
  }

  synchronized void leave() {
    inside.remove(Thread.currentThread());
    // an interrupt that end() sent is meant for the call that is over now
    Thread.interrupted();
    notifyAll();
  }

  /** Waits, less long when the lease ends; true while it has not ended. */
  synchronized boolean sleep(Duration time) throws InterruptedException {
    long until = System.nanoTime() + time.toNanos();
    for (long left = time.toNanos(); !ended && left > 0; left = until - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return !ended;
  }

  synchronized boolean ended() {
    return ended;
  }

  /** No work enters from now on. */
  synchronized void stop() {
    ended = true;
    notifyAll();
  }

  /** Stops, lets the calls that are under way come to an end, and interrupts those that don't within {@code grace}. */
  synchronized void end(Duration grace) {
    stop();
    boolean interrupted = false;
    long patience = System.nanoTime() + grace.toNanos();
    while (!inside.isEmpty()) {
      long left = patience - System.nanoTime();
      if (left <= 0) {
        inside.forEach(Thread::interrupt);
        left = grace.toNanos();
        patience = System.nanoTime() + left;
      }
      try {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      } catch (InterruptedException e) {
        interrupted = true;
        inside.forEach(Thread::interrupt);
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
