package dev.nudge.format;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A weight file with views: tensors split into parts, joined, or renamed.
///
/// Threading: as the viewed file.
public final class ViewedFile implements WeightFile {
  private static final int BLOCK = 64; // rows and columns

  private final WeightFile file;
  private final Map<String, Tensor> views;
  private final NavigableSet<String> names;
  private final List<Stack> stacks;

  private ViewedFile(
      WeightFile file, Map<String, Tensor> views, Set<String> hidden, List<Stack> stacks) {
    this.file = file;
    this.views = Map.copyOf(views);
    this.names = new TreeSet<>(file.names());
    names.removeAll(hidden);
    names.addAll(views.keySet());
    this.stacks = List.copyOf(stacks);
  }

  /// Views a file, which is closed with the view.
  ///
  /// @param views views of its tensors, by name
  /// @param hidden names of tensors that the view hides
  public static WeightFile of(WeightFile file, Map<String, Tensor> views, Set<String> hidden) {
    return of(file, views, hidden, List.of());
  }

  /// Views a file.
  ///
  /// @param stacks the stored tensors whose parts are among the views
  public static WeightFile of(
      WeightFile file, Map<String, Tensor> views, Set<String> hidden, List<Stack> stacks) {
    return views.isEmpty() ? file : new ViewedFile(file, views, hidden, stacks);
  }

  @Override
  public List<Stack> stacks() {
    return stacks;
  }

  @Override
  public Path source() {
    return file.source();
  }

  @Override
  public NavigableSet<String> names() {
    return names;
  }

  @Override
  public Entry entry(String name) {
    Tensor view = views.get(name);
    return view == null ? file.entry(name) : Entry.of(name, view.dtype(), view.shape());
  }

  /// Returns a tensor; a view whose rows are not contiguous is copied.
  @Override
  public Tensor tensor(String name) {
    Tensor view = views.get(name);
    return view == null ? file.tensor(name) : copied(name) ? together(view) : view;
  }

  @Override
  public boolean copied(String name) {
    Tensor view = views.get(name);
    return view == null
        ? file.copied(name)
        : view.rank() == 2 && view.cols() > 1 && view.stride(1) != 1;
  }

  /// Returns a contiguous copy.
  static Tensor together(Tensor view) {
    Dtype dtype = view.dtype();
    MemorySegment bytes = Arena.ofAuto().allocate(dtype.bytes() * view.elements(), 64);
    Tensor copy = Tensor.of(bytes, dtype, view.shape());
    int size = dtype.bytes();
    for (int r0 = 0; r0 < view.rows(); r0 += BLOCK) {
      for (int c0 = 0; c0 < view.cols(); c0 += BLOCK) { // both sides stay in the cache
        for (int r = r0; r < Math.min(view.rows(), r0 + BLOCK); r++) {
          for (int c = c0; c < Math.min(view.cols(), c0 + BLOCK); c++) {
            long from = size * (r * view.stride(0) + c * view.stride(1));
            MemorySegment.copy(view.data(), from, bytes, size * (r * copy.stride(0) + c), size);
          }
        }
      }
    }
    return copy;
  }

  @Override
  public Dtype dtype(String name) {
    Tensor view = views.get(name);
    return view == null ? file.dtype(name) : view.dtype();
  }

  /// Returns the file that holds a tensor; for a view the first file.
  @Override
  public Path file(String name) {
    return views.containsKey(name) ? file.files().getFirst() : file.file(name);
  }

  /// Returns the stored bytes of a tensor; for a view from its first element to its last.
  @Override
  public MemorySegment bytes(String name) {
    Tensor view = views.get(name);
    return view == null ? file.bytes(name) : view.data();
  }

  @Override
  public List<Path> files() {
    return file.files();
  }

  @Override
  public @Nullable Path index() {
    return file.index();
  }

  @Override
  public Map<String, String> metadata() {
    return file.metadata();
  }

  @Override
  public void close() {
    file.close();
  }
}
