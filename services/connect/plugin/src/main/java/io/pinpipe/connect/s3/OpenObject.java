package io.pinpipe.connect.s3;

import java.io.ByteArrayOutputStream;

/** An object that still takes records; line n holds offset {@code first + n}. */
final class OpenObject {
  final long first;

  /** Size of the object that is in the store under this key already, 0 without one. */
  final long leftoverSize;

  final long bornMs;
  private final ByteArrayOutputStream body = new ByteArrayOutputStream(1024);
  private int records;

  OpenObject(long first, long leftoverSize, long bornMs) {
    this.first = first;
    this.leftoverSize = leftoverSize;
    this.bornMs = bornMs;
  }

  void add(byte[] line) {
    body.writeBytes(line);
    body.write('\n');
    records++;
  }

  /** The offset that would be its next line. */
  long end() {
    return first + records;
  }

  int records() {
    return records;
  }

  int size() {
    return body.size();
  }

  byte[] body() {
    return body.toByteArray();
  }
}
