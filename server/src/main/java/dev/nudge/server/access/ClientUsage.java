package dev.nudge.server.access;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.server.http.Quota;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Usage of clients by name, with the day's tokens persisted beside the key file: `{"day":
/// "2026-11-28", "tokens": {"acme": 1234}}`.
///
/// The file is replaced atomically after changes, every two seconds at most and on close, so a
/// killed server loses at most two seconds. Two servers that share a key file count separately,
/// and the last writer wins.
///
/// Threading: any number of threads.
public final class ClientUsage implements AutoCloseable {
  static final String SUFFIX = ".used";
  private static final Duration PAUSE = Duration.ofSeconds(2);

  private final @Nullable Path file;
  private final Clock clock;
  private final Map<String, Quota> quotas = new ConcurrentHashMap<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private Consumer<String> warnings = line -> {};
  private @Nullable String mistake; // of the loaded file
  private @Nullable Saved saved;
  private boolean failed;

  /// The content of the file.
  private record Saved(LocalDate day, Map<String, Long> tokens) {}

  private ClientUsage(@Nullable Path file, Clock clock) {
    this.file = file;
    this.clock = clock;
  }

  /// Usage without a file.
  static ClientUsage none() {
    return new ClientUsage(null, Clock.systemUTC());
  }

  /// Loads the usage stored beside a key file.
  public static ClientUsage beside(Path keys, Clock clock) {
    Path file = keys.resolveSibling(keys.getFileName() + SUFFIX);
    ClientUsage usage = new ClientUsage(file, clock);
    if (Files.exists(file)) {
      usage.read(file);
    }
    return usage;
  }

  private void read(Path from) {
    try {
      JsonNode all = Json.parseStrictly(Files.readString(from));
      LocalDate day = LocalDate.parse(all.path("day").asString(""));
      JsonNode tokens = all.path("tokens");
      Map<String, Long> used = new TreeMap<>();
      for (String name : tokens.propertyNames()) {
        used.put(name, Math.max(0, tokens.path(name).asLong(0)));
      }
      used.forEach((name, count) -> quota(name).restore(day, count));
      saved = day.equals(today()) ? new Saved(day, used) : null; // avoids an unchanged write
    } catch (IOException | JacksonException | DateTimeException e) {
      mistake =
          from
              + " cannot be read, so the day's tokens are counted anew: "
              + (e instanceof IOException io ? OutFolder.reason(io) : "it is damaged");
    }
  }

  /// The quota counters of a client.
  public Quota quota(String name) {
    return quotas.computeIfAbsent(name, n -> new Quota(clock));
  }

  /// Starts saving periodically.
  ///
  /// @param to receives one line if the file cannot be read or written
  public void start(Consumer<String> to) {
    synchronized (this) {
      warnings = to;
      if (mistake != null) {
        to.accept(mistake);
      }
    }
    if (file != null) {
      Thread.ofPlatform().daemon().name("usage").start(this::run);
    }
  }

  private void run() {
    try {
      while (!closed.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
        save();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // close() saves
    }
  }

  private LocalDate today() {
    return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
  }

  /// Writes the file if anything changed.
  public synchronized void save() {
    if (file == null) {
      return;
    }
    LocalDate day = today();
    Map<String, Long> tokens = new TreeMap<>();
    quotas.forEach(
        (name, quota) -> {
          long used = quota.tokensOf(day);
          if (used > 0) {
            tokens.put(name, used);
          }
        });
    Saved now = new Saved(day, tokens);
    if (now.equals(saved) || saved == null && tokens.isEmpty()) {
      return;
    }
    try {
      OutFolder.place(
          file, Json.line(Map.of("day", day.toString(), "tokens", Map.copyOf(tokens))) + "\n");
      saved = now;
      failed = false;
    } catch (RuntimeException e) {
      if (!failed) {
        failed = true; // once until a write succeeds
        warnings.accept(
            "the day's tokens of clients cannot be kept, so a restart forgets them: "
                + e.getMessage());
      }
    }
  }

  @Override
  public void close() {
    closed.countDown();
    boolean interrupted = Thread.interrupted(); // else it breaks the channel
    try {
      save();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
