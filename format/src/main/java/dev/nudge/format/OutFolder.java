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

/// Checks `--out` before a run writes there, and writes files atomically.
public final class OutFolder {
  private static final Set<String> LEFT =
      Set.of(NewFolder.Swap.NEW, Claim.WAITED_FOR, Claim.FILE, "run.json.tmp"); // leftovers

  private OutFolder() {}

  /// Returns the folder itself, or its nearest existing parent; null: none exists.
  public static @Nullable Path existing(Path out) {
    Path nearest = out.toAbsolutePath();
    while (nearest != null && !Files.exists(nearest)) {
      nearest = nearest.getParent();
    }
    return nearest;
  }

  /// Repairs a folder in which a killed process left a replacement half done ([NewFolder.Swap]);
  /// does nothing to any other folder. Call it before reading a folder.
  ///
  /// @throws InputException if it cannot be repaired
  public static void mend(Path folder) {
    try {
      new NewFolder.Swap(folder).mend();
    } catch (IOException e) {
      throw new InputException(
          folder
              + " was left half replaced by a command that was killed, and cannot be mended: "
              + reason(e)
              + "; once that is cleared, the next command mends it",
          e);
    }
  }

  /// Returns whether a killed process left a half-done replacement in a folder.
  public static boolean isCutOff(Path folder) {
    return new NewFolder.Swap(folder).isCutOff();
  }

  /// Checks that `--out` can be made, or written into if it exists; changes nothing, except that it
  /// repairs a half-done replacement.
  ///
  /// @throws InputException if it cannot
  public static void checkPlace(Path out) {
    checkPlace("--out", out);
  }

  /// Checks that the folder of a flag can be made, or written into if it exists.
  public static void checkPlace(String flag, Path out) {
    if (out.toString().matches("[A-Za-z][A-Za-z0-9+.-]+:[/\\\\].*")) { // one letter is a drive
      throw new InputException(flag + " " + out + " is a URL; give a folder of this machine");
    }
    Path nearest = existing(out);
    if (nearest == null || !Files.isDirectory(nearest)) {
      throw new InputException(
          flag + " " + out + " cannot be made: " + nearest + " is a file; give another folder");
    }
    if (!Files.isWritable(nearest)) {
      throw new InputException(
          "%s %s cannot be written: no permission in %s, or its disk is read-only; give another folder"
              .formatted(flag, out, nearest));
    }
    if (Files.isSymbolicLink(out) && !Files.exists(out)) {
      throw new InputException(
          flag + " " + out + " is a link to what is not there; remove it, or give another folder");
    }
    String view = DiskRoom.view(nearest);
    if (view != null) {
      throw new InputException(
          "%s %s cannot be made: %s is a virtual file system (%s), which keeps no files; give another folder"
              .formatted(flag, out, nearest, view));
    }
    mend(out);
  }

  /// Checks that a folder of `--out` does not lead out of `--out`.
  ///
  /// @throws InputException if the folder is a link
  public static void checkNoLink(Path folder) {
    if (Files.isSymbolicLink(folder)) {
      throw new InputException(
          "--out: "
              + folder
              + " is a link, and nothing outside --out is written; remove it, or give --out where"
              + " it leads");
    }
  }

  /// Returns whether a new folder can be made: an empty folder and a killed process's leftovers
  /// count as absent.
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

  /// Returns whether both paths exist and are the same folder.
  public static boolean same(Path a, Path b) {
    try {
      return Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  /// Writes a small file atomically: under a temporary name, synced and renamed.
  ///
  /// @throws RunException if it cannot be written
  public static void place(Path file, String text) {
    place(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /// Writes a small file of bytes atomically.
  public static void place(Path file, byte[] bytes) {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    try {
      try {
        Disk.write(temporary, bytes);
        Disk.move(temporary, file);
      } finally {
        if (Files.exists(temporary)) {
          Disk.delete(temporary);
        }
      }
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Copies a small file if it exists.
  ///
  /// @throws RunException if that fails
  public static void copy(Path from, Path to) {
    if (!FolderText.exists(from)) {
      return;
    }
    byte[] bytes;
    try {
      bytes = FolderText.bytes(from);
    } catch (IOException e) {
      throw new RunException("cannot read " + from + ": " + reason(e), e);
    }
    place(to, bytes);
  }

  /// Copies a file of any size and syncs the copy.
  ///
  /// @throws RunException if that fails
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

  /// Appends a line to a file; removes a partial line if the disk is full.
  ///
  /// @throws RunException if it cannot be written
  public static void append(Path file, String line) {
    try {
      Disk.append(file, (line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Truncates a file to an earlier size and syncs it.
  ///
  /// @return false if the file is smaller; it is unchanged then
  /// @throws RunException if that fails
  public static boolean cut(Path file, long bytes) {
    try {
      return Disk.cut(file, bytes);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Syncs a file that was written line by line.
  ///
  /// @throws RunException if that fails
  public static void force(Path file) {
    try {
      Disk.force(file);
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /// Syncs a folder's entries to the disk.
  public static void forceFolder(Path folder) {
    Disk.forceFolder(folder);
  }

  /// Makes a folder and its parents.
  ///
  /// @throws RunException if that fails
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

  /// Renames a file, over an existing one.
  ///
  /// @throws RunException if that fails
  public static void move(Path from, Path to) {
    try {
      Disk.move(from, to);
    } catch (IOException e) {
      throw failure(to, e);
    }
  }

  /// Makes the error for a file or folder that cannot be written, with the reason.
  public static RunException failure(Path file, IOException e) {
    return new RunException("cannot write " + file + ": " + reason(e), e);
  }

  /// Deletes a file, or a folder with its contents; does nothing if it is absent.
  public static void delete(Path folder) throws IOException {
    Disk.deleteTree(folder);
  }

  /// Deletes a folder if it is empty; ignores a failure.
  public static void deleteEmpty(Path folder) {
    try {
      if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
        Disk.delete(folder);
      }
    } catch (IOException e) {
      // An empty folder does no harm.
    }
  }

  /// Whether a file is a lock or temporary file of this package.
  public static boolean isOurs(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith(".nudge.") || (name.startsWith(".") && name.endsWith(".writer"));
  }

  /// Describes an I/O failure in a few words.
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
