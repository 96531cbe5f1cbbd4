package dev.nudge.server.http;

import io.helidon.common.buffers.DataReader;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Reads a connection one chunk ahead while a request is answered, so that a disconnect is noticed
/// without writing, and pipelined data is not lost.
///
/// Threading: the connection's thread, except for the chunk read ahead by another thread; the two
/// never read at once.
public final class Incoming implements Supplier<byte @Nullable []> {
  private final DataReader reader;
  private final Runnable close;
  private @Nullable CompletableFuture<byte @Nullable []> ahead;
  private final long headSeconds;
  private boolean fresh = true; // the next bytes begin a request
  private long deadline; // nanos; 0: none

  /// @param headSeconds timeout of request line and headers, from their first byte
  /// @param close closes the connection
  Incoming(DataReader reader, long headSeconds, Runnable close) {
    this.reader = reader;
    this.headSeconds = headSeconds;
    this.close = close;
  }

  /// Marks the request as answered; later bytes begin another request.
  public void answered() {
    fresh = true;
    deadline = 0;
  }

  /// Starts to read ahead.
  void watch() {
    if (ahead == null && reader.available() == 0) {
      CompletableFuture<byte @Nullable []> read = new CompletableFuture<>();
      Thread.ofVirtual()
          .name("nudge-watch")
          .start(
              () -> {
                try {
                  read.complete(read());
                } catch (RuntimeException | Error e) {
                  read.completeExceptionally(e);
                }
              });
      ahead = read;
    }
  }

  /// Closes the connection; a blocked write fails.
  void cut() {
    close.run();
  }

  /// Returns whether the client disconnected.
  boolean ended() {
    CompletableFuture<byte @Nullable []> read = ahead;
    if (read == null || !read.isDone()) {
      return false;
    }
    return read.isCompletedExceptionally() || read.getNow(null) == null;
  }

  /// Closes the connection if the rest of a request does not arrive in time.
  void within(long seconds) {
    deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
  }

  /// Cancels the timeout: the headers, or the body, are complete.
  public void complete() {
    fresh = false;
    deadline = 0;
  }

  @Override
  public byte @Nullable [] get() {
    byte[] bytes = next();
    if (fresh && bytes != null) {
      fresh = false;
      within(headSeconds);
    }
    return bytes;
  }

  private byte @Nullable [] next() {
    if (deadline != 0) {
      watch();
    }
    CompletableFuture<byte @Nullable []> read = ahead;
    if (read == null) {
      return read();
    }
    try {
      byte[] bytes =
          deadline == 0
              ? read.get()
              : read.get(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      ahead = null;
      return bytes;
    } catch (TimeoutException e) {
      close.run();
      throw new UncheckedIOException(new SocketTimeoutException("too slow"));
    } catch (InterruptedException e) {
      close.run();
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new CompletionException(e.getCause());
    }
  }

  /// Reads the next chunk; null at the end.
  private byte @Nullable [] read() {
    if (reader.available() == 0) {
      try {
        reader.ensureAvailable();
      } catch (DataReader.InsufficientDataAvailableException e) {
        return null;
      }
    }
    return reader.readBytes(reader.available());
  }
}
