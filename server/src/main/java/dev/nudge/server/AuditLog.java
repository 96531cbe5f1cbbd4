package dev.nudge.server;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Audit log: a JSON line per request with client, adapter and outcome, without prompt or answer
/// text.
///
/// Threading: any number of threads; lines are written atomically.
final class AuditLog implements Consumer<RequestOutcome>, AutoCloseable {
  private static final int LONGEST = 200; // characters of what a client asked for

  private final Path file;
  private final BufferedWriter out;
  private final Consumer<String> warnings;
  private boolean failed;

  private AuditLog(Path file, BufferedWriter out, Consumer<String> warnings) {
    this.file = file;
    this.out = out;
    this.warnings = warnings;
  }

  /// Opens a log for appending.
  ///
  /// @throws InputException if the file cannot be written
  static AuditLog open(Path file, Consumer<String> warnings) {
    try {
      BufferedWriter out =
          Files.newBufferedWriter(
              file, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      return new AuditLog(file, out, warnings);
    } catch (IOException e) {
      throw new InputException(
          "--audit-log " + file + " cannot be written: " + OutFolder.reason(e), e);
    }
  }

  @Override
  public void accept(RequestOutcome outcome) {
    Map<String, @Nullable Object> line = new LinkedHashMap<>();
    Served served = outcome.served();
    line.put("time", Instant.now().toString());
    line.put("request_id", outcome.requestId());
    line.put("client", outcome.client());
    line.put("remote", outcome.remote());
    line.put("route", outcome.route());
    line.put("status", outcome.status());
    line.put("code", outcome.code());
    String model = outcome.model();
    line.put("model", model == null ? null : model.substring(0, Math.min(model.length(), LONGEST)));
    line.put("adapter", served == null || served.isBase() ? null : served.name());
    line.put("adapter_version", served == null ? null : served.version());
    line.put("adapter_digest", served == null ? null : served.digest());
    line.put("prompt_tokens", outcome.promptTokens());
    line.put("completion_tokens", outcome.completionTokens());
    line.put("cached_tokens", outcome.cachedTokens());
    line.put("finish_reason", outcome.finish());
    line.put("seconds", Math.round(outcome.seconds() * 1e6) / 1e6);
    write(Json.line(line));
  }

  private synchronized void write(String line) {
    try {
      out.write(line);
      out.write('\n');
      out.flush();
      failed = false;
    } catch (IOException e) {
      if (!failed) {
        failed = true; // said once, until it works again
        warnings.accept(file + ": the audit log cannot be written: " + OutFolder.reason(e));
      }
    }
  }

  @Override
  public synchronized void close() {
    try {
      out.close();
    } catch (IOException e) {
      warnings.accept(file + ": the audit log cannot be closed: " + OutFolder.reason(e));
    }
  }
}
