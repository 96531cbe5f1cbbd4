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

/// A file that lines are put behind, and that keeps them when the process or the machine is killed.
///
/// A line is `{"crc":"8 digits","record":…}`, the digits being the CRC-32C of the record's bytes. A
/// record is with the system as soon as [#append] returns, so the death of the process does not
/// lose it, and on the disk when [#await] returns: who awaits first flushes for all who wait by
/// then, so many acknowledgements cost one flush.
///
/// What a killed machine left half written at the end is cut off by the next who opens the file. A
/// broken line with whole ones behind it is no such end, and is refused.
///
/// Threading: any thread. Writing has one lock, flushing is outside of it. No channel is written
/// to: an interrupt would close it.
final class Log implements AutoCloseable {
  private final Path file;
  private final RandomAccessFile out;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition flushed = lock.newCondition();
  private long end; // of what is written
  private long kept; // of what is on the disk
  private boolean flushing;
  private @Nullable IOException broken; // a flush failed: what it was to keep may be gone

  private Log(Path file, RandomAccessFile out, long end) {
    this.file = file;
    this.out = out;
    this.end = end;
    this.kept = end;
  }

  /// Opens a log, which one process at a time may, and tells its records.
  ///
  /// @throws InputException where another has it, or it is damaged
  static Log open(Path file, Consumer<String> records) {
    RandomAccessFile out = null;
    try {
      out = new RandomAccessFile(file.toFile(), "rw");
      claim(out, file);
      // not by another stream: to close one of the same file would free the claim
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
      // what is wrong with it is told already
    }
  }

  /// A byte far behind the end is locked until the file is closed, so that others may read. A file
  /// system without locks gives one to everybody.
  private static void claim(RandomAccessFile out, Path file) {
    try {
      if (out.getChannel().tryLock(Long.MAX_VALUE - 1, 1, false) != null) {
        return;
      }
    } catch (OverlappingFileLockException e) {
      // this process has it open
    } catch (IOException e) {
      return;
    }
    throw new InputException(
        file + " is in use by another server; stop that one, or give this one another folder");
  }

  /// Puts a record behind the others; nothing of it stays where the disk has no room.
  ///
  /// @return what to [#await] for it to be on the disk
  /// @throws RunException where it cannot be written
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

  /// Waits until what was appended up to a place is on the disk.
  ///
  /// @throws RunException where the disk refuses: then nothing is known of it
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

  /// Flushes all that is written by now, without the lock.
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
        broken = failed; // the system may have dropped the pages: a later flush would not say so
      }
      flushed.signalAll();
    }
  }

  /// Brings all to the disk and gives the file free.
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
      close(out); // and with it the claim
    }
  }
}
