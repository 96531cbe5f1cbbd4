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

/// A tensor of a file that is seen as several of one size, which lie one behind the other; or one
/// that is seen under another name.
///
/// @param entry of the tensor in the file
/// @param file that holds it
/// @param parts names under which its parts are seen, in their order
/// @param transposed whether each part, seen as (out, in), lies as (in, out)
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

  /// Tensors of files as they are stored: each in the place of its parts.
  ///
  /// @param files each with its tensors as they are seen; those of stacks are anywhere
  /// @param stacks with their files among these
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

  /// This stack in another file.
  public Stack in(Path other) {
    return new Stack(entry, other, parts, transposed);
  }

  /// The bytes of a part in the order in which they lie, from those of its rows.
  ///
  /// @param part type and shape (out, in)
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
