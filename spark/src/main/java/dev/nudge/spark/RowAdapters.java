package dev.nudge.spark;

import dev.nudge.generate.RowStream;
import dev.nudge.generate.TableModel;
import dev.nudge.registry.Named;
import dev.nudge.registry.Registry;
import dev.nudge.settings.InputException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Resolves the adapters that rows name, relative to the driver's folder and registry.
///
/// @param working the driver's working folder
/// @param registry folder of the registry
/// @param usual default adapter, for rows without one; null: the base model
record RowAdapters(String working, String registry, @Nullable String usual)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  /// @param registry folder of the registry; null: the user's own
  static RowAdapters of(@Nullable Path registry, @Nullable Path usual) {
    Path own = registry == null ? Registry.home() : registry;
    return new RowAdapters(
        Path.of("").toAbsolutePath().toString(),
        own.toAbsolutePath().toString(),
        usual == null ? null : usual.toAbsolutePath().toString());
  }

  /// The adapters that the rows of a task name, each resolved once: so an alias means the same
  /// version in the whole task.
  ///
  /// Threading: one thread.
  static final class TaskAdapters {
    private final RowAdapters adapters;
    private final Map<String, TableModel.Row> found = new HashMap<>(); // by name

    private TaskAdapters(RowAdapters adapters) {
      this.adapters = adapters;
    }

    /// Makes a row with the adapter that it names.
    ///
    /// @param adapter folder or reference; null: the default
    TableModel.Row row(long number, String json, @Nullable String adapter) {
      TableModel.Row like =
          adapter == null ? find(null) : found.computeIfAbsent(adapter, this::find);
      return new TableModel.Row(number, json, like.adapter(), like.problem());
    }

    private TableModel.Row find(@Nullable String adapter) {
      try {
        return new TableModel.Row(0, "", adapters.folder(adapter));
      } catch (InputException e) {
        return new TableModel.Row(0, "", null, RowStream.error(e));
      }
    }
  }

  /// Returns an empty cache for one task.
  TaskAdapters found() {
    return new TaskAdapters(this);
  }

  /// Returns the folder of an adapter; null: the base model.
  ///
  /// @throws InputException if a reference names no version
  @Nullable Path folder(@Nullable String adapter) {
    if (adapter == null) {
      return usual == null ? null : Path.of(usual);
    }
    try {
      Path folder = Path.of(working).resolve(adapter);
      return Files.exists(folder) ? folder : Path.of(Named.folder(adapter, Path.of(registry)));
    } catch (InvalidPathException e) {
      throw new InputException("adapter '%s' is no path".formatted(adapter), e);
    }
  }
}
