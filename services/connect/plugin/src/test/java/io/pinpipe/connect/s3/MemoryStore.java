package io.pinpipe.connect.s3;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/** A bucket in memory that fails, refuses or hangs on demand, as a real one can't be made to. */
final class MemoryStore implements ObjectStore {
  final SortedMap<String, byte[]> objects = new ConcurrentSkipListMap<>();

  /** Keys in the order in which they were written, repeats included. */
  final List<String> puts = Collections.synchronizedList(new ArrayList<>());

  final Set<String> failingKeys = ConcurrentHashMap.newKeySet();
  final AtomicInteger attempts = new AtomicInteger();
  final AtomicInteger inside = new AtomicInteger();
  final AtomicInteger mostInside = new AtomicInteger();

  volatile boolean away;
  volatile boolean refusing;
  volatile boolean closed;

  /** When set, every put needs a permit, and an interrupt cuts it off before anything is written. */
  volatile Semaphore permits;

  /** When true, a put goes on after an interrupt, as one does whose bytes are all sent. */
  volatile boolean deaf;

  @Override
  public void put(String key, byte[] body) throws StoreException {
    attempts.incrementAndGet();
    mostInside.accumulateAndGet(inside.incrementAndGet(), Math::max);
    try {
      waitForPermit();
      fail(failingKeys.contains(key));
      objects.put(key, body);
      puts.add(key);
    } finally {
      inside.decrementAndGet();
    }
  }

  @Override
  public List<Stored> list(String prefix, String after) throws StoreException {
    fail(false);
    return objects.tailMap(after).entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(prefix) && !entry.getKey().equals(after))
        .map(entry -> new Stored(entry.getKey(), entry.getValue().length))
        .toList();
  }

  @Override
  public String address() {
    return "memory";
  }

  @Override
  public void close() {
    closed = true;
  }

  String text(String key) {
    byte[] body = objects.get(key);
    return body == null ? null : new String(body, StandardCharsets.UTF_8);
  }

  private void fail(boolean failing) throws StoreException {
    if (refusing) {
      throw new StoreException("403 AccessDenied", null, true);
    }
    if (away || failing) {
      throw new StoreException("connection refused", null, false);
    }
  }

  private void waitForPermit() throws StoreException {
    if (permits == null) {
      return;
    }
    if (deaf) {
      permits.acquireUninterruptibly();
      return;
    }
    try {
      permits.acquire();
    } catch (InterruptedException e) {
      throw new StoreException("cut off", e, false);
    }
  }
}
