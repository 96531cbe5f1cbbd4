package dev.nudge.server.http;

import dev.nudge.format.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Writes server-sent events: `data: {…}` and an empty line each, `data: [DONE]` last.
///
/// Threading: one thread.
public final class Sse implements AutoCloseable {
  private static final byte[] PING = ": ping\n\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);
  public static final long QUIET_NANOS = 10_000_000_000L;
  private static final long STUCK_SECONDS = 30;
  private static final ScheduledThreadPoolExecutor GUARD = guard();

  private static ScheduledThreadPoolExecutor guard() {
    ScheduledThreadPoolExecutor guard =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("nudge-stuck-clients").factory());
    guard.setRemoveOnCancelPolicy(true);
    return guard;
  }

  private final OutputStream out;
  private final Runnable cut;
  private @Nullable String warning; // null: none, or sent
  private long last = System.nanoTime();

  /// @param warning the field `warning` of the first chunk; null: none
  /// @param cut closes the connection; called if a client reads nothing for 30 seconds, so that the
  ///     client frees its answer and adapter
  Sse(OutputStream out, @Nullable String warning, Runnable cut) {
    this.out = out;
    this.warning = warning;
    this.cut = cut;
  }

  /// Writes an event with a JSON object.
  public void event(ObjectNode node) throws IOException {
    if (warning != null) {
      node.put("warning", warning);
      warning = null;
    }
    write(("data: " + Json.line(node) + "\n\n").getBytes(StandardCharsets.UTF_8));
  }

  /// Writes an event with a type and a JSON object.
  public void event(String kind, JsonNode node) throws IOException {
    write(
        ("event: " + kind + "\ndata: " + Json.line(node) + "\n\n")
            .getBytes(StandardCharsets.UTF_8));
  }

  /// Writes a comment after ten seconds without output, as a keep-alive.
  public void idle() throws IOException {
    if (System.nanoTime() - last > QUIET_NANOS) {
      write(PING);
    }
  }

  /// Writes `data: [DONE]`.
  public void done() throws IOException {
    write(DONE);
  }

  private void write(byte[] bytes) throws IOException {
    Future<?> late = GUARD.schedule(cut, STUCK_SECONDS, TimeUnit.SECONDS);
    try {
      out.write(bytes);
      out.flush();
    } finally {
      late.cancel(false);
    }
    last = System.nanoTime();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
