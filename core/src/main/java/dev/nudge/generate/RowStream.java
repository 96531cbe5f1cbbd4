package dev.nudge.generate;

import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What a model gives for rows, one result a row in their order. Rows are begun some ahead of the
/// one that is waited for, so that the engine always has many; a row that fails by its own fault
/// has an error, and the others go on.
///
/// Threading: one thread; [#close] by any, once that thread has ended.
public final class RowStream<T> implements Iterator<RowStream.Result<T>>, AutoCloseable {
  private static final int PAUSE = 20; // ms

  /// The streams that this thread reads. One may feed another, and each waits for places that rows
  /// of the others hold.
  private static final ThreadLocal<ArrayDeque<RowStream<?>>> READ =
      ThreadLocal.withInitial(ArrayDeque::new);

  /// What a system says of a path that is wrong, for which Java has no exception of its own.
  private static final Pattern LASTING =
      Pattern.compile(
          "(Not a directory|Is a directory|File name too long|Too many levels of symbolic links)$");

  private final Iterator<TableModel.Row> rows;
  private final int ahead;
  private final Begin<T> begin;
  private final ArrayDeque<Slot<T>> slots = new ArrayDeque<>();
  private BooleanSupplier cancelled = () -> false;
  private volatile boolean closed;

  /// The result of a row.
  ///
  /// @param value null: there is an error
  /// @param error why there is no value, in one line; null: there is one
  public record Result<T>(@Nullable T value, @Nullable String error) {}

  /// A row that was begun, and holds its adapter until it ends.
  interface Pending<T> {
    /// Waits for the value and lets the adapter go.
    ///
    /// @throws InputException if the row cannot have one
    T get();

    /// Ends the work on a row whose value nobody waits for.
    void cancel();
  }

  interface Begin<T> {
    /// @throws InputException if the row is bad
    /// @throws BusyException if its adapter finds no place beside those in use
    Pending<T> begin(TableModel.Row row);
  }

  private static final class Slot<T> {
    private @Nullable Pending<T> pending;
    private @Nullable Result<T> result;

    /// @return whether it had to be waited for
    boolean settle() {
      Pending<T> waited = pending;
      if (waited == null) {
        return false;
      }
      pending = null;
      try {
        result = new Result<>(waited.get(), null);
      } catch (InputException e) {
        result = new Result<>(null, error(e));
      }
      return true;
    }
  }

  /// @param ahead rows that are begun before the first of them is waited for
  RowStream(Iterator<TableModel.Row> rows, int ahead, Begin<T> begin) {
    this.rows = rows;
    this.ahead = ahead;
    this.begin = begin;
  }

  /// Ends a wait for a place once this is true.
  ///
  /// @return this stream
  public RowStream<T> until(BooleanSupplier cancelled) {
    this.cancelled = cancelled;
    return this;
  }

  /// What is wrong with a row, in one line.
  ///
  /// @throws RunException if a file could not be read just now, which is no fault of the row
  public static String error(InputException wrong) {
    for (Throwable cause = wrong; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException && !lasts(cause)) {
        throw new RunException(String.valueOf(wrong.getMessage()), wrong);
      }
    }
    return String.valueOf(wrong.getMessage());
  }

  /// Whether another attempt finds the same.
  private static boolean lasts(Throwable read) {
    return read instanceof NoSuchFileException
        || read instanceof FileNotFoundException
        || read instanceof NotDirectoryException
        || read instanceof AccessDeniedException
        || read instanceof CharacterCodingException
        || read instanceof EOFException
        || LASTING.matcher(String.valueOf(read.getMessage())).find();
  }

  @Override
  public boolean hasNext() {
    return !slots.isEmpty() || rows.hasNext();
  }

  @Override
  public Result<T> next() {
    register();
    while (slots.size() < ahead && rows.hasNext()) {
      slots.add(begun(rows.next()));
    }
    if (slots.isEmpty()) {
      throw new NoSuchElementException();
    }
    Slot<T> first = slots.getFirst();
    first.settle();
    if (Thread.currentThread().isInterrupted()) {
      throw new RunException("interrupted: some rows have no result");
    }
    slots.removeFirst();
    Result<T> result = first.result;
    if (result == null) {
      throw new IllegalStateException("a row failed before");
    }
    return result;
  }

  private Slot<T> begun(TableModel.Row row) {
    Slot<T> slot = new Slot<>();
    if (row.problem() != null) {
      slot.result = new Result<>(null, row.problem());
      return slot;
    }
    while (true) {
      try {
        slot.pending = begin.begin(row);
        return slot;
      } catch (InputException e) {
        slot.result = new Result<>(null, error(e));
        return slot;
      } catch (BusyException e) {
        makeRoom();
      }
    }
  }

  private void register() {
    ArrayDeque<RowStream<?>> read = READ.get();
    if (!read.contains(this)) {
      read.removeIf(stream -> stream.closed); // by another thread
      read.addFirst(this);
    }
  }

  /// Ends the oldest row that holds an adapter, of this stream or else of another that this thread
  /// reads; other threads hold them where none does.
  private void makeRoom() {
    if (cancelled.getAsBoolean()) {
      throw new RunException("cancelled while an adapter waited for a place");
    }
    if (settleOldest()) {
      return;
    }
    for (RowStream<?> stream : READ.get()) {
      if (stream.settleOldest()) {
        return;
      }
    }
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunException("interrupted while an adapter waited for a place", e);
    }
  }

  private boolean settleOldest() {
    for (Slot<T> slot : slots) {
      if (slot.settle()) {
        return true;
      }
    }
    return false;
  }

  /// Ends what was begun and nobody takes: all of it, and then throws the first failure.
  @Override
  public void close() {
    closed = true;
    READ.get().remove(this);
    Throwable failure = null;
    for (Slot<T> slot : slots) {
      Pending<T> left = slot.pending;
      slot.pending = null;
      try {
        if (left != null) {
          left.cancel();
        }
      } catch (RuntimeException | Error e) {
        failure = failure == null ? e : failure;
      }
    }
    slots.clear();
    if (failure instanceof Error e) {
      throw e;
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
  }
}
