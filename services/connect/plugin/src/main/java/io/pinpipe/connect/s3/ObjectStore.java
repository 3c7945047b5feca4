package io.pinpipe.connect.s3;

import java.util.List;

/** What the sink needs of S3: one bucket, whole objects. Calls block, and may come from several threads at once. */
interface ObjectStore extends AutoCloseable {

  /** An object that is in the store. */
  record Stored(String key, long size) {}

  /** Writes an object whole or not at all, over one of the same key. Ends early when its thread is interrupted. */
  void put(String key, byte[] body) throws StoreException;

  /** All objects whose key starts with {@code prefix} and is greater than {@code after}, in the keys' order. */
  List<Stored> list(String prefix, String after) throws StoreException;

  /** The bucket's address, for messages. */
  String address();

  @Override
  void close();
}
