package dev.nudge.generate;

import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/// What a model gives for rows, one result a row in their order. Rows are begun some ahead of the
/// one that is waited for, so that the engine always has many; a row that fails by its own fault
/// has an error, and the others go on.
///
/// Threading: one thread; [#close] by any, once that thread has ended.
public final class RowStream<T> implements Iterator<RowStream.Result<T>>, AutoCloseable {
  private static final int PAUSE = 20; // ms

  private final Iterator<TableModel.Row> rows;
  private final int ahead;
  private final Begin<T> begin;
  private final ArrayDeque<Slot<T>> slots = new ArrayDeque<>();

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
        result = new Result<>(null, e.getMessage());
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

  @Override
  public boolean hasNext() {
    return !slots.isEmpty() || rows.hasNext();
  }

  @Override
  public Result<T> next() {
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
        slot.result = new Result<>(null, e.getMessage());
        return slot;
      } catch (BusyException e) {
        makeRoom();
      }
    }
  }

  /// Ends the oldest row that holds an adapter; others of the session hold them where none does.
  private void makeRoom() {
    for (Slot<T> slot : slots) {
      if (slot.settle()) {
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

  /// Ends what was begun and nobody takes.
  @Override
  public void close() {
    for (Slot<T> slot : slots) {
      Pending<T> left = slot.pending;
      slot.pending = null;
      if (left != null) {
        left.cancel();
      }
    }
    slots.clear();
  }
}
