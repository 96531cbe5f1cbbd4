package dev.nudge.format;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/// Writes several weight files of a model folder, each tensor into its file.
///
/// The folder must hold none of the files yet: all are synced before the first is renamed, and if
/// one fails or lacks a tensor, all are deleted. To replace an existing model use a [NewFolder],
/// never file by file.
///
/// Threading: any thread may write; calls are serialised.
public final class ShardedWriter implements AutoCloseable {
  private final List<SafeTensorsWriter> files = new ArrayList<>();
  private final Map<String, SafeTensorsWriter> fileOf = new HashMap<>();

  private boolean closed;
  private boolean whole;

  private ShardedWriter() {}

  /// Creates the files under temporary names, for tensors that are written whole.
  public static ShardedWriter create(
      Map<String, String> metadata, Map<Path, ? extends Collection<Entry>> files) {
    return create(metadata, files, List.of());
  }

  /// Creates the files under temporary names.
  ///
  /// @param metadata text pairs of every file
  /// @param files each file with its tensors
  /// @param stacks tensors among these that are written part by part
  /// @throws IllegalArgumentException if a file exists already
  public static ShardedWriter create(
      Map<String, String> metadata,
      Map<Path, ? extends Collection<Entry>> files,
      Collection<Stack> stacks) {
    ShardedWriter all = new ShardedWriter();
    try {
      files.forEach(
          (path, entries) -> {
            if (Files.exists(path)) {
              throw new IllegalArgumentException(path + " is there already");
            }
            SafeTensorsWriter file = SafeTensorsWriter.create(path, metadata, entries, stacks);
            all.files.add(file);
            entries.forEach(entry -> all.fileOf.put(entry.name(), file));
          });
      for (Stack stack : stacks) {
        SafeTensorsWriter file = all.file(stack.entry().name());
        stack.parts().forEach(part -> all.fileOf.put(part, file));
      }
      return all;
    } catch (RuntimeException | Error e) {
      try {
        all.close();
      } catch (RuntimeException unfinished) {
        e.addSuppressed(unfinished);
      }
      throw e;
    }
  }

  /// Writes one tensor; rows of a matrix may have gaps between them.
  public synchronized void write(String name, Tensor tensor) {
    file(name).write(name, tensor);
  }

  /// Writes the bytes of one tensor of any type.
  public synchronized void write(String name, MemorySegment bytes) {
    file(name).write(name, bytes);
  }

  /// Writes the bytes of one tensor of any type, piece by piece.
  public synchronized void write(String name, Iterator<MemorySegment> pieces) {
    file(name).write(name, pieces);
  }

  private SafeTensorsWriter file(String name) {
    return Objects.requireNonNull(fileOf.get(name), name);
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      each(SafeTensorsWriter::finish);
      if (files.stream().allMatch(SafeTensorsWriter::finished)) {
        each(SafeTensorsWriter::place);
        whole = true;
      } // else a write failed, and has thrown
    } finally {
      if (!whole) {
        files.forEach(SafeTensorsWriter::remove);
      }
    }
  }

  /// Applies an action to all files; then throws the first failure.
  private void each(Consumer<SafeTensorsWriter> what) {
    RuntimeException failure = null;
    for (SafeTensorsWriter file : files) {
      try {
        what.accept(file);
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
