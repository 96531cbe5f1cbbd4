package dev.nudge.server.capture;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The files of a capture folder: `CLIENT/ADAPTER/2026-11-30.jsonl`, after 64 MiB
/// `2026-11-30-2.jsonl`. Only their owner may read them.
///
/// A name becomes a path by percent-encoding all but letters, digits, `.`, `_` and `-`; a long name
/// is truncated and gets a digest at its end. Lines contain the original names.
///
/// Threading: one thread.
final class CaptureFiles {
  private static final Pattern NAME =
      Pattern.compile("(\\d{4}-\\d{2}-\\d{2})(?:-(\\d{1,6}))?\\.jsonl");
  private static final long MOST_BYTES = 64 << 20; // of a file
  private static final int LONGEST = 80; // characters of a name
  private static final boolean POSIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("posix");

  private final Path root;
  private final long mostBytes;
  private final Map<Path, Path> open = new HashMap<>(); // folder → the file to append to

  CaptureFiles(Path root) {
    this(root, MOST_BYTES);
  }

  /// @param mostBytes size from which a new file is started
  CaptureFiles(Path root, long mostBytes) {
    this.root = root;
    this.mostBytes = mostBytes;
  }

  /// Makes a folder that only its owner may read; an existing folder is not changed.
  static void make(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder, owner("rwx------"));
    }
  }

  private static FileAttribute<?>[] owner(String rights) {
    return POSIX
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights))
        }
        : new FileAttribute<?>[0];
  }

  /// Restricts a file's permissions to its owner, if the file system has permissions.
  ///
  /// @throws RunException if this fails
  static void hide(Path file) {
    try {
      if (POSIX) {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      }
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  Path folder(String client, String adapter) {
    return root.resolve(safe(client)).resolve(safe(adapter));
  }

  /// Returns the folder name for a client or an adapter.
  static String safe(String name) {
    StringBuilder path = new StringBuilder();
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = b > 0 && (Character.isLetterOrDigit(b) || b == '_' || b == '-' || b == '.');
      path.append(
          plain && !(path.isEmpty() && b == '.')
              ? String.valueOf((char) b)
              : String.format(Locale.ROOT, "%%%02X", b & 0xFF));
    }
    if (path.length() <= LONGEST && !path.isEmpty()) {
      return path.toString();
    }
    String digest = Sha256.of(name.getBytes(StandardCharsets.UTF_8));
    path.setLength(Math.min(path.length(), LONGEST));
    return path + "-" + digest.substring(Sha256.PREFIX.length(), Sha256.PREFIX.length() + 12);
  }

  /// Appends whole lines to the day's file of a folder; a failed write leaves nothing behind.
  ///
  /// @param lines each without its line end
  /// @param force whether to sync the lines to the disk
  /// @throws dev.nudge.settings.RunException if writing fails
  void append(Path folder, LocalDate day, List<String> lines, boolean force) throws IOException {
    Path file = file(folder, day);
    String all = String.join("\n", lines);
    OutFolder.append(file, endsWhole(file) ? all : "\n" + all);
    if (force) {
      OutFolder.force(file);
    }
    if (Files.size(file) >= mostBytes) {
      open.put(folder, folder.resolve(name(day, number(file) + 1)));
    }
  }

  /// Returns the file for the lines of a day, created if absent.
  private Path file(Path folder, LocalDate day) throws IOException {
    Path file = open.get(folder);
    if (file == null || !day.equals(day(file))) {
      file = folder.resolve(name(day, 1));
      for (int i = 2; Files.exists(file) && Files.size(file) >= mostBytes; i++) {
        file = folder.resolve(name(day, i));
      }
      if (open.size() >= 10_000) {
        open.clear(); // the loop above finds them again
      }
      open.put(folder, file);
    }
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      make(folder);
      Files.createFile(file, owner("rw-------"));
    }
    return file;
  }

  /// Whether a file ends with a complete line; a crash may leave a partial one.
  private static boolean endsWhole(Path file) throws IOException {
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      long size = in.length();
      if (size == 0) {
        return true;
      }
      in.seek(size - 1);
      return in.read() == '\n';
    }
  }

  private static String name(LocalDate day, int number) {
    return day + (number == 1 ? "" : "-" + number) + ".jsonl";
  }

  private static int number(Path file) {
    Matcher matcher = NAME.matcher(file.getFileName().toString());
    String number = matcher.matches() ? matcher.group(2) : null;
    return number == null ? 1 : Integer.parseInt(number);
  }

  /// Returns the start of a file's name: its day.
  private static String begin(Path file) {
    return file.getFileName().toString().substring(0, "2026-11-30".length());
  }

  /// Returns the day of a file; null: not a capture file.
  static @Nullable LocalDate day(Path file) {
    Matcher matcher = NAME.matcher(file.getFileName().toString());
    try {
      return matcher.matches() ? LocalDate.parse(matcher.group(1)) : null;
    } catch (DateTimeParseException e) {
      return null;
    }
  }

  /// Lists all files of a capture folder; within a subfolder by day.
  static List<Path> all(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path client : list(root)) {
      for (Path adapter : Files.isDirectory(client) ? list(client) : List.<Path>of()) {
        if (Files.isDirectory(adapter)) {
          list(adapter).stream()
              .filter(file -> day(file) != null)
              .sorted(Comparator.comparing(CaptureFiles::begin).thenComparing(CaptureFiles::number))
              .forEach(files::add);
        }
      }
    }
    return files;
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.sorted().toList();
    }
  }

  /// Deletes the files of earlier days, and folders that become empty. Tries all files before it
  /// throws the first failure.
  void expire(LocalDate first) throws IOException {
    IOException failure = null;
    for (Path file : all(root)) {
      LocalDate day = day(file);
      if (day != null && day.isBefore(first)) {
        try {
          Files.delete(file);
          Path adapter = Objects.requireNonNull(file.getParent()); // ROOT/CLIENT/ADAPTER/DAY.jsonl
          OutFolder.deleteEmpty(adapter);
          OutFolder.deleteEmpty(Objects.requireNonNull(adapter.getParent()));
        } catch (IOException e) {
          failure = failure == null ? e : failure;
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
