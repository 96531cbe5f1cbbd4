package dev.nudge.runs;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Caches what the list of runs needs of each `run.json`. There is one file per root folder in the
/// user's cache folder, `runs/….jsonl`.
///
/// An entry is valid while the `run.json` has the same path, size, modification time and inode. A
/// file modified less than two seconds before it was read is not cached, because its next change
/// may keep the time. The first line has a checksum of the others. A missing, stale or torn index
/// costs time but changes no result; there is no lock: of two processes that write it, one wins.
final class RunIndex {
  private static final int NAME_DIGITS = 32;
  private static final int VERSION = 1;
  private static final int DAYS = 30; // that an index is kept without a change
  private static final long RACY_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final List<String> KEPT =
      List.of("id", "state", "started", "planned_steps", "quantization");
  private static final List<String> SETTINGS = List.of("model", "method", "quantize");
  private static final List<String> TOTALS =
      List.of("steps", "tokens", "seconds", "last_loss", "eval_loss_best", "cost");

  private final Path root;
  private final @Nullable Path file;
  private final Map<String, String> before; // stamp → what is kept of run.json
  private final Map<String, String> now = new LinkedHashMap<>();
  private boolean changed;

  private RunIndex(Path root, @Nullable Path file, Map<String, String> before) {
    this.root = root;
    this.file = file;
    this.before = before;
  }

  /// Opens the cache of the runs under a folder.
  ///
  /// @param cache null: no caching
  static RunIndex of(@Nullable Path cache, Path root) {
    if (cache == null) {
      return new RunIndex(root, null, Map.of());
    }
    Path file = cache.resolve("runs").resolve(name(root) + ".jsonl");
    return new RunIndex(root, file, load(file));
  }

  /// The name of the cache file, derived from the folder.
  private static String name(Path root) {
    byte[] place = root.toAbsolutePath().normalize().toString().getBytes(StandardCharsets.UTF_8);
    String digest = Sha256.of(place).substring(Sha256.PREFIX.length());
    return digest.substring(0, NAME_DIGITS);
  }

  private static Map<String, String> load(Path file) {
    Map<String, String> lines = new HashMap<>();
    try {
      byte[] bytes = Files.readAllBytes(file);
      int head = 0;
      while (head < bytes.length && bytes[head] != '\n') {
        head++;
      }
      ByteBuffer rest =
          ByteBuffer.wrap(
              bytes, Math.min(head + 1, bytes.length), Math.max(0, bytes.length - head - 1));
      String first = new String(bytes, 0, head, StandardCharsets.UTF_8);
      if (!first.equals(head(rest.duplicate()))) {
        return Map.of();
      }
      for (String line : StandardCharsets.UTF_8.decode(rest).toString().split("\n")) {
        int tab = line.indexOf('\t');
        if (tab > 0) {
          lines.put(line.substring(0, tab), line.substring(tab + 1));
        }
      }
    } catch (IOException e) {
      return Map.of(); // made anew
    }
    return lines;
  }

  private static String head(ByteBuffer rest) {
    CRC32C sum = new CRC32C();
    sum.update(rest);
    return "{\"version\":" + VERSION + ",\"crc32c\":" + sum.getValue() + "}";
  }

  /// Reads a run, from the cache if its `run.json` has not changed.
  ///
  /// @return null if the run cannot be read, which is reported as a warning
  @Nullable RunSummary read(Path folder, Consumer<String> warnings) {
    Path file = folder.resolve(RunFiles.RUN);
    String stamp = stamp(folder, file);
    String kept = stamp == null ? null : before.get(stamp);
    RunSummary summary = kept == null ? null : known(folder, kept);
    if (stamp != null && kept != null && summary != null) {
      now.put(stamp, kept);
      return summary;
    }
    JsonNode run;
    try {
      run = Json.read(file);
    } catch (InputException e) {
      warnings.accept(e.getMessage() + "; the run is left out");
      return null;
    }
    summary = RunSummary.of(folder, run);
    if (summary == null) {
      warnings.accept(file + " is damaged or of a newer nudge; the run is left out");
      return null;
    }
    if (stamp != null) {
      now.put(stamp, kept(run));
      changed = true;
    }
    return summary;
  }

  /// The identity of a version of `run.json`; null if the file was changed too recently.
  private @Nullable String stamp(Path folder, Path file) {
    try {
      long clock = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
      BasicFileAttributes about = Files.readAttributes(file, BasicFileAttributes.class);
      long changedAt = about.lastModifiedTime().to(TimeUnit.NANOSECONDS);
      List<Object> stamp = new ArrayList<>();
      stamp.add(root.relativize(folder).toString());
      stamp.add(about.size());
      stamp.add(changedAt);
      stamp.add(String.valueOf(about.fileKey()));
      // no tab and no line break, whatever the name
      return clock - changedAt < RACY_NANOS ? null : Json.line(stamp);
    } catch (IOException e) {
      return null; // reading it says why
    }
  }

  private static @Nullable JsonNode parsed(String kept) {
    try {
      return Json.parse(kept);
    } catch (JacksonException e) {
      return null;
    }
  }

  /// A cache entry: the summary, a tab, and all settings, which are seldom parsed.
  private static String kept(JsonNode run) {
    Map<String, Object> kept = part(run, KEPT);
    kept.put("settings", part(run.path("settings"), SETTINGS));
    kept.put("totals", part(run.path("totals"), TOTALS));
    return Json.line(kept) + "\t" + Json.line(run.path("settings"));
  }

  private static Map<String, Object> part(JsonNode of, List<String> keys) {
    Map<String, Object> part = new LinkedHashMap<>();
    for (String key : keys) {
      JsonNode value = of.get(key);
      if (value != null) {
        part.put(key, value);
      }
    }
    return part;
  }

  private static @Nullable RunSummary known(Path folder, String kept) {
    int tab = kept.indexOf('\t');
    JsonNode part = parsed(kept.substring(0, Math.max(tab, 0)));
    return part == null
        ? null
        : RunSummary.of(folder, part, () -> Json.parse(kept.substring(tab + 1)));
  }

  /// Writes the cache if it has changed; failures are ignored.
  void keep() {
    if (file == null || (!changed && now.size() == before.size())) {
      return;
    }
    StringBuilder lines = new StringBuilder();
    now.forEach((stamp, run) -> lines.append(stamp).append('\t').append(run).append('\n'));
    byte[] rest = lines.toString().getBytes(StandardCharsets.UTF_8);
    byte[] head = (head(ByteBuffer.wrap(rest)) + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      Path folder = Objects.requireNonNull(file.getParent());
      Files.createDirectories(folder);
      Path beside = Files.createTempFile(folder, "index", ".tmp");
      try {
        Files.write(
            beside, ByteBuffer.allocate(head.length + rest.length).put(head).put(rest).array());
        Files.move(
            beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(beside);
      }
      deleteOld(folder);
    } catch (IOException e) {
      // made anew next time
    }
  }

  /// Deletes caches that were not written for a month: mostly of deleted folders.
  private static void deleteOld(Path folder) throws IOException {
    FileTime month = FileTime.from(Instant.now().minus(DAYS, ChronoUnit.DAYS));
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.jsonl")) {
      for (Path old : files) {
        if (Files.getLastModifiedTime(old).compareTo(month) < 0) {
          Files.deleteIfExists(old);
        }
      }
    }
  }
}
