package dev.nudge.format;

import java.io.IOException;
import java.io.InputStream;

/// A stream of at most a number of the next bytes of another stream. Closing it closes the stream.
public class BoundedStream extends InputStream {
  private final InputStream in;
  private long left;

  /// @param bytes most bytes, after which this stream ends
  public BoundedStream(InputStream in, long bytes) {
    this.in = in;
    this.left = bytes;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int from, int count) throws IOException {
    if (left == 0) {
      return -1;
    }
    int n = in.read(to, from, (int) Math.min(count, left));
    left -= Math.max(n, 0);
    return n;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
