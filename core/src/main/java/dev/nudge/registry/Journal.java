package dev.nudge.registry;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The append-only log of a registry, its only source of truth: `journal.jsonl`, a line for each
/// change, oldest first, after a line with the format version.
///
/// A change is committed when its line, with its line break, is on the disk. A partial line of a
/// killed process is ignored, and truncated by the next writer. No other file decides which
/// versions exist or where an alias is.
///
/// Threading: readers read while others write; there is one writer at a time, which holds a
/// [dev.nudge.format.Claim] on the folder.
final class Journal {
  static final String FILE = "journal.jsonl";
  private static final int FORMAT = 1;
  private static final String HEAD = "{\"nudge_registry\":" + FORMAT + "}\n";
  private static final int MARKED = 4096; // bytes
  private static final String KEY = "nudge_registry";

  private final Path file;
  private long read; // bytes already read

  Journal(Path folder) {
    this.file = folder.resolve(FILE);
  }

  boolean exists() {
    return Files.exists(file);
  }

  /// Whether a new journal may be created: the folder is missing or empty, but for the remains of a
  /// process that was killed while creating one.
  boolean canBegin() {
    Path folder = Objects.requireNonNull(file.getParent());
    if (!Files.exists(folder)) {
      return true;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.allMatch(
          there -> OutFolder.isOurs(there) || there.getFileName().toString().equals(FILE + ".tmp"));
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// The number of bytes that were read.
  long known() {
    return read;
  }

  /// A checksum of the bytes before a position, which distinguishes journals; null if the file is
  /// shorter.
  @Nullable String mark(long bytes) {
    try (var in = new RandomAccessFile(file.toFile(), "r")) {
      if (bytes < 1 || in.length() < bytes) {
        return null;
      }
      byte[] last = new byte[(int) Math.min(bytes, MARKED)];
      in.seek(bytes - last.length);
      in.readFully(last);
      CRC32C sum = new CRC32C();
      sum.update(last);
      return Long.toHexString(sum.getValue());
    } catch (IOException e) {
      return null; // reading reports the error
    }
  }

  /// Skips to a byte, because a snapshot covers all bytes before.
  ///
  /// @throws InputException if the journal is of a newer nudge
  void skip(long bytes) {
    try (var in = new RandomAccessFile(file.toFile(), "r")) {
      checkHead(String.valueOf(in.readLine()));
      read = bytes;
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Creates an empty journal.
  void create() {
    OutFolder.place(file, HEAD);
  }

  /// Events since the last read; all events if the file has been replaced.
  ///
  /// @param anew whether the events read before no longer apply
  record News(boolean anew, List<RegistryEvent> events) {}

  /// Reads the new events.
  ///
  /// @throws InputException if a line is damaged, or of a newer nudge
  News read() {
    try {
      long size = Files.exists(file) ? Files.size(file) : 0;
      boolean anew = size < read;
      long from = anew ? 0 : read;
      return new News(anew, size == from ? List.of() : events(from, size));
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private List<RegistryEvent> events(long start, long size) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(size - start)];
    try (var in = new RandomAccessFile(file.toFile(), "r")) {
      in.seek(start);
      in.readFully(bytes);
    }
    List<RegistryEvent> events = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        String line = new String(bytes, from, i - from, StandardCharsets.UTF_8);
        if (start + from == 0) {
          checkHead(line);
        } else {
          events.add(event(line, start + from));
        }
        from = i + 1;
      }
    }
    read = start + from;
    return events;
  }

  private void checkHead(String line) {
    int format = parsed(line, 0).path(KEY).asInt(0);
    if (format != FORMAT) {
      throw new InputException(
          "%s: %s is %s, this nudge reads %d; update nudge"
              .formatted(file, KEY, format == 0 ? "missing" : format, FORMAT));
    }
  }

  private RegistryEvent event(String line, long at) {
    try {
      return RegistryEvent.of(parsed(line, at));
    } catch (IllegalArgumentException | java.time.DateTimeException e) {
      throw damaged(at, e);
    }
  }

  private JsonNode parsed(String line, long at) {
    try {
      return Json.parse(line);
    } catch (JacksonException e) {
      throw damaged(at, e);
    }
  }

  private InputException damaged(long at, Throwable why) {
    return new InputException(
        "%s: the line at byte %d is no change that this nudge knows (%s); bring the file back from a copy, or update nudge"
            .formatted(file, at, String.valueOf(why.getMessage()).lines().findFirst().orElse("")),
        why);
  }

  /// Appends an event and syncs it to the disk, or leaves the journal unchanged. All earlier events
  /// must have been read.
  ///
  /// @throws RunException if writing fails
  void append(RegistryEvent event) {
    try {
      if (Files.size(file) > read) {
        OutFolder.cut(file, read); // of a process that was killed
      }
    } catch (IOException e) {
      throw new RunException("cannot write " + file + ": " + OutFolder.reason(e), e);
    }
    OutFolder.append(file, Json.line(event.values()));
    try {
      OutFolder.force(file);
    } catch (RunException e) {
      OutFolder.cut(file, read);
      throw e;
    }
  }
}
