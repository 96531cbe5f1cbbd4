package dev.nudge.data.source;

import java.io.IOException;

/// Says at which line a file is not UTF-8.
public final class NotUtf8 extends IOException {
  private static final long serialVersionUID = 1L;

  private final int line;

  NotUtf8(int line, Throwable cause) {
    super("not UTF-8", cause);
    this.line = line;
  }

  /// The line, from 1.
  public int line() {
    return line;
  }
}
