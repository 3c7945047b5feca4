package io.pinpipe.connect.s3;

/** A call to the object store that failed. */
final class StoreException extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean permanent;

  /**
   * @param message one line: what was tried, where, and what came back
   * @param permanent true when the same call will fail again until somebody changes a setting or a right
   */
  public StoreException(String message, Throwable cause, boolean permanent) {
    super(message, cause);
    this.permanent = permanent;
  }

  public boolean permanent() {
    return permanent;
  }
}
