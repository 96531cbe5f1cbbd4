package dev.nudge.server.experiments;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Append-only log of checksummed JSON lines that survives crashes of process and machine.
///
/// A line is `{"crc":"8 digits","record":…}` with the CRC-32C of the record's bytes. A record
/// survives a process crash once [#append] returns, and a machine crash once [#await] returns; one
/// flush serves all waiting threads (group commit).
///
/// A partial line at the end is removed on open. An invalid line before valid ones is corruption,
/// and is refused.
///
/// Threading: any thread. Writing has one lock, flushing is outside of it. A `RandomAccessFile` is
/// used because an interrupt would close a channel.
final class Log implements AutoCloseable {
  private final Path file;
  private final RandomAccessFile out;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition flushed = lock.newCondition();
  private long end; // end of the written bytes
  private long kept; // end of the bytes on the disk
  private boolean flushing;
  private @Nullable IOException broken; // a flush failed: its bytes may be lost

  private Log(Path file, RandomAccessFile out, long end) {
    this.file = file;
    this.out = out;
    this.end = end;
    this.kept = end;
  }

  /// Opens a log exclusively and replays its records.
  ///
  /// @throws InputException if another process has the log open, or it is corrupt
  static Log open(Path file, Consumer<String> records) {
    RandomAccessFile out = null;
    try {
      out = new RandomAccessFile(file.toFile(), "rw");
      claim(out, file);
      // no second stream of the file: closing it would release the lock
      long whole = LogReader.read(new FileInputStream(out.getFD()), file, records);
      if (whole < out.length()) {
        out.setLength(whole);
        out.getFD().sync();
      }
      OutFolder.forceFolder(file.toAbsolutePath().resolve("..").normalize());
      return new Log(file, out, whole);
    } catch (IOException e) {
      close(out);
      throw OutFolder.failure(file, e);
    } catch (RuntimeException | Error e) {
      close(out);
      throw e;
    }
  }

  private static void close(@Nullable RandomAccessFile file) {
    try {
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      // its error was reported already
    }
  }

  /// Locks a byte far beyond the end until the file is closed, so that others may read. On a file
  /// system without locks this always succeeds.
  private static void claim(RandomAccessFile out, Path file) {
    try {
      if (out.getChannel().tryLock(Long.MAX_VALUE - 1, 1, false) != null) {
        return;
      }
    } catch (OverlappingFileLockException e) {
      // this process has the log open
    } catch (IOException e) {
      return;
    }
    throw new InputException(
        file + " is in use by another server; stop that one, or give this one another folder");
  }

  /// Appends a record; a failed write leaves nothing behind.
  ///
  /// @return the position to pass to [#await]
  /// @throws RunException on a write error
  long append(String record) {
    byte[] line = line(record);
    lock.lock();
    try {
      try {
        out.seek(end);
        out.write(line);
      } catch (IOException e) {
        out.setLength(end);
        throw e;
      }
      end += line.length;
      return end;
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    } finally {
      lock.unlock();
    }
  }

  static byte[] line(String record) {
    byte[] bytes = record.getBytes(UTF_8);
    byte[] before =
        (LogReader.BEFORE + LogReader.crc(bytes, 0, bytes.length) + LogReader.BETWEEN)
            .getBytes(US_ASCII);
    byte[] line = new byte[before.length + bytes.length + 2];
    System.arraycopy(before, 0, line, 0, before.length);
    System.arraycopy(bytes, 0, line, before.length, bytes.length);
    line[line.length - 2] = '}';
    line[line.length - 1] = '\n';
    return line;
  }

  /// Waits until the log is flushed up to a position.
  ///
  /// @throws RunException if the flush fails; the records' state on disk is then unknown
  void await(long place) {
    lock.lock();
    try {
      while (kept < place) {
        if (broken != null) {
          throw OutFolder.failure(file, broken);
        } else if (flushing) {
          flushed.awaitUninterruptibly();
        } else {
          flush();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /// Flushes everything written so far, without the lock.
  private void flush() {
    flushing = true;
    long to = end;
    lock.unlock();
    IOException failed = null;
    try {
      out.getFD().sync();
    } catch (IOException e) {
      failed = e;
    } finally {
      lock.lock();
      flushing = false;
      if (failed == null) {
        kept = Math.max(kept, to);
      } else {
        broken = failed; // the system may have dropped the pages: a later flush would not report it
      }
      flushed.signalAll();
    }
  }

  /// Flushes and closes the file.
  @Override
  public void close() {
    long all;
    lock.lock();
    try {
      all = end;
    } finally {
      lock.unlock();
    }
    try {
      await(all);
    } finally {
      close(out); // also releases the lock
    }
  }
}
