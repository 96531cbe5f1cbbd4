package dev.nudge.nn;

import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;

/// Keeps activations for the backward pass (autograd's saved tensors), as a stack of entries.
///
/// A module pushes one record at the end of its forward pass and pops it at the start of its
/// backward pass; modules run backwards in the reverse order of their forward passes. Each entry
/// records the workspace mark at its push: all earlier saved tensors are below it, so a layer may
/// free the workspace above before it takes scratch.
///
/// Threading: confined to one lane.
public final class Tape {
  /// The tensors that a module saved, a record.
  public interface Entry {}

  private final Workspace ws;
  private final List<Entry> entries = new ArrayList<>();
  private int[] marks = new int[64];

  public Tape(Workspace ws) {
    this.ws = ws;
  }

  /// Saves an entry.
  public void push(Entry entry) {
    if (entries.size() == marks.length) {
      marks = java.util.Arrays.copyOf(marks, 2 * marks.length);
    }
    marks[entries.size()] = ws.mark();
    entries.add(entry);
  }

  /// Takes the last entry, which must be of `type`.
  ///
  /// @throws IllegalStateException if backward does not mirror forward passes: a defect
  public <T extends Entry> T pop(Class<T> type) {
    if (entries.isEmpty() || !type.isInstance(entries.getLast())) {
      throw new IllegalStateException(
          "expected "
              + type.getSimpleName()
              + " on the tape, found "
              + (entries.isEmpty() ? "nothing" : entries.getLast().getClass().getSimpleName()));
    }
    return type.cast(entries.removeLast());
  }

  /// Frees the workspace above the last entry.
  public void releaseAbove() {
    ws.release(marks[entries.size() - 1]);
  }
}
