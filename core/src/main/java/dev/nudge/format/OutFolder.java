package dev.nudge.format;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Checks `--out` before it is written into, and writes files that are complete or absent.
public final class OutFolder {
  private static final Set<String> LEFT =
      Set.of(Swap.NEW, Claim.WAITED_FOR, Claim.FILE, "run.json.tmp"); // by a killed process

  private OutFolder() {}

  /// Returns the folder itself, or the nearest one above it that is there; null where none is.
  public static @Nullable Path existing(Path out) {
    Path there = out.toAbsolutePath();
    while (there != null && !Files.exists(there)) {
      there = there.getParent();
    }
    return there;
  }

  /// Mends a folder that a killed process left between what it was and what it was to be; another
  /// is left alone. To be called before a folder is looked at.
  ///
  /// @throws InputException where it may not be mended
  public static void mend(Path folder) {
    try {
      new Swap(folder).mend();
    } catch (IOException e) {
      throw new InputException(
          folder
              + " was left half replaced by a command that was killed, and cannot be mended: "
              + reason(e)
              + "; once that is cleared, the next command mends it",
          e);
    }
  }

  /// Tells whether a killed process left a folder between what it was and what it was to be.
  public static boolean isCutOff(Path folder) {
    return new Swap(folder).isCutOff();
  }

  /// Checks that `--out` can be made, or written into where it exists; only what is to be mended
  /// is touched.
  ///
  /// @throws InputException where it cannot
  public static void checkPlace(Path out) {
    checkPlace("--out", out);
  }

  /// Checks that the folder of a flag can be made, or written into where it exists.
  public static void checkPlace(String flag, Path out) {
    if (out.toString().matches("[A-Za-z][A-Za-z0-9+.-]+:[/\\\\].*")) { // one letter is a drive
      throw new InputException(flag + " " + out + " is a URL; give a folder of this machine");
    }
    Path there = existing(out);
    if (there == null || !Files.isDirectory(there)) {
      throw new InputException(
          flag + " " + out + " cannot be made: " + there + " is a file; give another folder");
    }
    if (!Files.isWritable(there)) {
      throw new InputException(
          flag
              + " "
              + out
              + " cannot be written: no permission in "
              + there
              + ", or its disk is read-only; give another folder");
    }
    if (Files.isSymbolicLink(out) && !Files.exists(out)) {
      throw new InputException(
          flag + " " + out + " is a link to what is not there; remove it, or give another folder");
    }
    String view = DiskRoom.view(there);
    if (view != null) {
      throw new InputException(
          "%s %s cannot be made: %s is a view of the system (%s), which keeps no files; give another folder"
              .formatted(flag, out, there, view));
    }
    mend(out);
  }

  /// Checks that what will be written in a folder of `--out` stays in `--out`.
  ///
  /// @throws InputException where the folder is a link
  public static void checkNoLink(Path folder) {
    if (Files.isSymbolicLink(folder)) {
      throw new InputException(
          "--out: "
              + folder
              + " is a link, and nothing outside --out is written; remove it, or give --out where it leads");
    }
  }

  /// Tells whether nothing is in the way of a new folder: an empty folder counts as absent, and
  /// what a killed process left there as nothing.
  public static boolean isFree(Path out) {
    if (!Files.exists(out)) {
      return true;
    }
    try (Stream<Path> files = Files.list(out)) {
      return files.allMatch(file -> LEFT.contains(String.valueOf(file.getFileName())));
    } catch (IOException e) {
      throw new InputException("--out " + out + " cannot be read: " + reason(e), e);
    }
  }

  /// Tells whether both paths are there and are one folder.
  public static boolean same(Path a, Path b) {
    try {
      return Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  /// Writes a small file beside its name, brings it to the disk and renames it.
  ///
  /// @throws RunException where the disk refuses
  public static void place(Path file, String text) {
    place(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /// The same for bytes.
  public static void place(Path file, byte[] bytes) {
    Path beside = file.resolveSibling(file.getFileName() + ".tmp");
    try {
      try {
        Disk.write(beside, bytes);
        Disk.move(beside, file);
      } finally {
        if (Files.exists(beside)) {
          Disk.delete(beside);
        }
      }
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Copies a small file where it is there.
  ///
  /// @throws RunException where the disk refuses
  public static void copy(Path from, Path to) {
    if (!Files.isRegularFile(from)) {
      return;
    }
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(from);
    } catch (IOException e) {
      throw new RunException("cannot read " + from + ": " + reason(e), e);
    }
    place(to, bytes);
  }

  /// Copies a file of any size and brings it to the disk.
  ///
  /// @throws RunException where the disk refuses
  public static void copyLarge(Path from, Path to) {
    try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel out = Disk.create(to)) {
      ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
      long at = 0;
      while (in.read(buffer) >= 0) {
        int bytes = buffer.flip().remaining();
        Disk.write(out, buffer, at, to);
        at += bytes;
        buffer.clear();
      }
      Disk.force(out, to);
    } catch (IOException e) {
      throw failure(to, e);
    }
  }

  /// Puts a line behind a file; one that the disk has no room for is taken back.
  ///
  /// @throws RunException where the disk refuses
  public static void append(Path file, String line) {
    try {
      Disk.append(file, (line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Cuts a file to the bytes that it had once, and brings it to the disk.
  ///
  /// @return false where it has fewer; it is as it was then
  /// @throws RunException where the disk refuses
  public static boolean cut(Path file, long bytes) {
    try {
      return Disk.cut(file, bytes);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Brings a file that was written line by line to the disk.
  ///
  /// @throws RunException where the disk refuses
  public static void force(Path file) {
    try {
      Disk.force(file);
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Brings the names in a folder to the disk.
  public static void forceFolder(Path folder) {
    Disk.forceFolder(folder);
  }

  /// Makes a folder and those above it.
  ///
  /// @throws RunException where the disk refuses
  public static void make(@Nullable Path folder) {
    try {
      if (folder != null && !Files.isDirectory(folder)) {
        Disk.makeFolder(folder);
        Disk.forceFolder(folder.toAbsolutePath().getParent());
      }
    } catch (IOException e) {
      throw failure(folder, e);
    }
  }

  /// Renames a file over another.
  ///
  /// @throws RunException where the disk refuses
  public static void move(Path from, Path to) {
    try {
      Disk.move(from, to);
    } catch (IOException e) {
      throw failure(to, e);
    }
  }

  /// Says that a file or folder cannot be written, and why.
  public static RunException failure(Path file, IOException e) {
    return new RunException("cannot write " + file + ": " + reason(e), e);
  }

  /// Deletes a file, or a folder with all that is in it; nothing is done where it is absent.
  public static void delete(Path folder) throws IOException {
    Disk.deleteTree(folder);
  }

  /// Deletes a folder that is empty; another stays, and so does one that the disk does not let go.
  public static void deleteEmpty(Path folder) {
    try {
      if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
        Disk.delete(folder);
      }
    } catch (IOException e) {
      // An empty folder too many is no harm.
    }
  }

  /// Whether a file is one by which folders are put in their place: of no meaning to its reader.
  public static boolean isOurs(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith(".nudge.") || (name.startsWith(".") && name.endsWith(".writer"));
  }

  /// Why the disk refused, in a few words.
  public static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "no permission";
      case NoSuchFileException _ -> "no such file or folder";
      case FileAlreadyExistsException _ -> "something else has that name";
      case DirectoryNotEmptyException _ -> "the folder is not empty";
      case NotDirectoryException _ -> "it is not a folder";
      case ClosedByInterruptException _ -> "the command was interrupted";
      case EOFException _ -> "it ends too early";
      case FileSystemException other -> said(other.getReason());
      default -> said(e.getMessage());
    };
  }

  private static String said(@Nullable String reason) {
    return reason == null ? "the system gives no reason" : reason;
  }
}
