package dev.nudge.format;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// A stored tensor that readers see as several tensors of equal size, stored in sequence, or as one
/// tensor under another name.
///
/// @param entry entry of the stored tensor
/// @param file file that holds it
/// @param parts names of its parts, in order
/// @param transposed whether each part (out, in) is stored as (in, out)
public record Stack(Entry entry, Path file, List<String> parts, boolean transposed) {
  public Stack {
    parts = List.copyOf(parts);
  }

  /// Returns stacks by the names of their parts.
  public static Map<String, Stack> byPart(Collection<Stack> stacks) {
    Map<String, Stack> all = new HashMap<>();
    stacks.forEach(stack -> stack.parts.forEach(part -> all.put(part, stack)));
    return all;
  }

  /// Replaces the parts in each file's tensors by the stored tensors.
  ///
  /// @param files each file with its tensors as readers see them
  /// @param stacks stored tensors whose parts are replaced
  public static Map<Path, List<Entry>> stored(
      Map<Path, ? extends Collection<Entry>> files, Collection<Stack> stacks) {
    Map<String, Stack> byPart = byPart(stacks);
    Map<Path, List<Entry>> stored = new LinkedHashMap<>();
    files.forEach(
        (file, entries) -> {
          List<Entry> own = new ArrayList<>(entries);
          own.removeIf(entry -> byPart.containsKey(entry.name()));
          stored.put(file, own);
        });
    for (Stack stack : stacks) {
      stored.computeIfAbsent(stack.file, f -> new ArrayList<>()).add(stack.entry);
    }
    return stored;
  }

  /// Returns this stack for another file.
  public Stack in(Path other) {
    return new Stack(entry, other, parts, transposed);
  }

  /// Converts the rows of a part to its bytes in stored order.
  ///
  /// @param part name, type and shape (out, in)
  public Iterator<MemorySegment> lying(Entry part, Iterator<MemorySegment> rows) {
    if (!transposed || part.shape().size() < 2) {
      return rows;
    }
    MemorySegment straight = Arena.ofAuto().allocate(part.bytes(), 8);
    long at = 0;
    while (rows.hasNext()) {
      MemorySegment piece = rows.next();
      MemorySegment.copy(piece, 0, straight, at, piece.byteSize());
      at += piece.byteSize();
    }
    Dtype dtype = Objects.requireNonNull(part.type().dtype());
    Tensor seen = Tensor.of(straight, dtype, part.dims());
    return List.of(ViewedFile.together(seen.transposed()).data()).iterator();
  }
}
