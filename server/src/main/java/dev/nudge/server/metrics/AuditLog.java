package dev.nudge.server.metrics;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.server.http.RequestOutcome;
import dev.nudge.server.http.Served;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Audit log: a JSON line per request with client, adapter and outcome, without prompt or answer
/// text.
///
/// A file that has reached its size becomes `FILE.1`, an earlier `FILE.1` becomes `FILE.2` and so
/// on, each by a rename; the oldest is deleted. Only a regular file is renamed, never a link to it.
/// So the log takes at most `KEPT + 1` times that size. If the next file cannot be opened or a
/// rename fails, the log warns once and continues in the same file.
///
/// Threading: any number of threads; lines are written atomically.
public final class AuditLog implements Consumer<RequestOutcome>, AutoCloseable {
  private static final int LONGEST = 200; // characters of a requested model name

  private static final int KEPT = 4; // files besides the current one

  private final Path file;
  private final long most;
  private final Consumer<String> warnings;
  private OutputStream out;
  private long size;
  private boolean failed;
  private boolean stuck; // a failed rename was reported

  private AuditLog(Path file, long most, Consumer<String> warnings) throws IOException {
    this.out = append(file);
    this.file = file.toRealPath();
    this.most = Files.isRegularFile(file) ? most : Long.MAX_VALUE;
    this.warnings = warnings;
    this.size = Files.size(file);
  }

  /// Opens a log for appending.
  ///
  /// @param most bytes of a file
  /// @throws InputException if the file cannot be written
  public static AuditLog open(Path file, long most, Consumer<String> warnings) {
    try {
      return new AuditLog(file, most, warnings);
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
    line.put("prompt_tokens", outcome.usage().promptTokens());
    line.put("completion_tokens", outcome.usage().completionTokens());
    line.put("cached_tokens", outcome.usage().cachedTokens());
    line.put("finish_reason", outcome.finish());
    line.put("seconds", Math.round(outcome.seconds() * 1e6) / 1e6);
    write(Json.line(line));
  }

  private static OutputStream append(Path file) throws IOException {
    return Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private synchronized void write(String line) {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      if (size > 0 && size + bytes.length > most) {
        rotate();
      }
      out.write(bytes);
      size += bytes.length;
      failed = false;
    } catch (IOException e) {
      if (!failed) {
        failed = true; // once until a write succeeds
        warnings.accept(file + ": the audit log cannot be written: " + OutFolder.reason(e));
      }
    }
  }

  private void rotate() throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".new");
    OutputStream opened = null;
    try {
      Files.deleteIfExists(next);
      opened = append(next); // before any rename, in case opening fails
      if (Files.exists(file) && Files.getFileStore(file).supportsFileAttributeView("posix")) {
        Files.setPosixFilePermissions(next, Files.getPosixFilePermissions(file));
      }
      for (int n = Files.exists(file) ? KEPT : 0; n > 0; n--) {
        Path older = n == 1 ? file : numbered(n - 1);
        if (Files.exists(older)) {
          move(older, numbered(n));
        }
      }
      move(next, file);
      stuck = false;
    } catch (IOException e) {
      if (opened != null) {
        opened.close();
        Files.deleteIfExists(next);
      }
      if (!stuck) {
        stuck = true;
        warnings.accept(file + ": the audit log cannot be renamed: " + OutFolder.reason(e));
      }
      return;
    }
    OutputStream full = out;
    out = opened;
    size = 0;
    full.close();
  }

  private static void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private Path numbered(int n) {
    return file.resolveSibling(file.getFileName() + "." + n);
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
