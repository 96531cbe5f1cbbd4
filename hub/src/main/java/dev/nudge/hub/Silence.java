package dev.nudge.hub;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Reads a body with a limit on the time between two pieces: it closes a silent connection, as
/// Java's client has no such limit.
///
/// Threading: one reader; a separate thread watches the time.
final class Silence extends InputStream {
  private final InputStream in;
  private final Duration longest;
  private final Thread watch;
  private volatile long heard = System.nanoTime();
  private volatile boolean ended;
  private volatile boolean silent;

  Silence(InputStream in, Duration longest) {
    this.in = in;
    this.longest = longest;
    this.watch = Thread.ofVirtual().start(this::watch);
  }

  /// Reads a body to its end.
  ///
  /// @throws IOException if it is longer than `most` bytes, or truncated
  static byte[] read(InputStream body, int most, Duration longest) throws IOException {
    try (InputStream in = new Silence(body, longest)) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      byte[] piece = new byte[1 << 16];
      for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
        all.write(piece, 0, n);
        if (all.size() > most) {
          throw new IOException("an answer is longer than " + most + " bytes");
        }
      }
      return all.toByteArray();
    }
  }

  private void watch() {
    try {
      while (!ended) {
        long left = longest.toNanos() - (System.nanoTime() - heard);
        if (left <= 0) {
          silent = true;
          in.close();
          return;
        }
        Thread.sleep(Duration.ofNanos(left));
      }
    } catch (InterruptedException | IOException e) {
      // the reader has ended, or sees the error itself
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int from, int count) throws IOException {
    try {
      int n = in.read(to, from, count);
      heard = System.nanoTime();
      if (silent) {
        throw silence(null);
      }
      return n;
    } catch (IOException e) {
      throw silent ? silence(e) : broken(e);
    }
  }

  private IOException silence(@Nullable IOException cause) {
    return new IOException("nothing came for " + longest.toSeconds() + " seconds", cause);
  }

  private static IOException broken(IOException e) {
    return new IOException("the connection broke off", e);
  }

  @Override
  public void close() throws IOException {
    ended = true;
    watch.interrupt();
    in.close();
  }
}
