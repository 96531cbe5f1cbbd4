package dev.nudge.server;

import dev.nudge.format.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;

/// Writes server-sent events: `data: {…}` and an empty line each, `data: [DONE]` last.
///
/// Threading: one thread.
final class Sse implements AutoCloseable {
  private static final byte[] PING = ": ping\n\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);
  private static final long QUIET_NANOS = 10_000_000_000L;

  private final OutputStream out;
  private long last = System.nanoTime();

  Sse(OutputStream out) {
    this.out = out;
  }

  /// Writes an object.
  void event(JsonNode node) throws IOException {
    write(("data: " + Json.line(node) + "\n\n").getBytes(StandardCharsets.UTF_8));
  }

  /// Writes a comment where nothing was written for ten seconds, so that nobody on the way takes
  /// the connection for dead.
  void idle() throws IOException {
    if (System.nanoTime() - last > QUIET_NANOS) {
      write(PING);
    }
  }

  /// Writes that all is written.
  void done() throws IOException {
    write(DONE);
  }

  private void write(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
    last = System.nanoTime();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
