package io.pinpipe.connect.s3;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Tells whether this process may still believe what it knows. A worker that was frozen (SIGSTOP, a paused machine) may
 * have lost its partitions without having heard of it; the task's calls stop with it, so a gap between them shows that.
 * Uploads then wait until the consumer has had the time to hear from its coordinator, which closes what is lost.
 */
final class Pulse {
  /** Below the shortest session a broker allows (6 s) less a heartbeat: who was silent for less owns its partitions. */
  static final Duration LONGEST_GAP = Duration.ofSeconds(3);

  /** Time for a heartbeat and its answer after a gap. */
  static final Duration RECOVERY = Duration.ofSeconds(5);

  private final LongSupplier nanos;
  private long last;
  private long heldSince;
  private boolean held;

  Pulse(LongSupplier nanos) {
    this.nanos = nanos;
    last = nanos.getAsLong();
  }

  /** The task was called by Connect. */
  synchronized void beat() {
    long now = nanos.getAsLong();
    if (now - last > LONGEST_GAP.toNanos()) {
      held = true;
      heldSince = now;
    }
    last = now;
  }

  /** The task was given partitions: what the coordinator says now is true, whatever was before. */
  synchronized void fresh() {
    held = false;
    last = nanos.getAsLong();
  }

  /** True while the store may be written to. */
  synchronized boolean steady() {
    long now = nanos.getAsLong();
    if (held && now - heldSince > RECOVERY.toNanos()) {
      held = false;
    }
    return !held && now - last <= LONGEST_GAP.toNanos();
  }
}
