package dev.nudge.server;

import dev.nudge.server.http.Served;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Resolves model names of requests to adapters.
///
/// An unknown name is an error and never falls back to the base. Threading: any number of threads.
public interface ServedAdapters {
  /// A list entry.
  ///
  /// @param id model name for requests
  /// @param served its current version
  record Card(String id, Served served) {}

  /// An alias at a version that this server cannot serve.
  ///
  /// @param answers number of the version that answers instead; null: none
  record Unusable(String alias, int version, String reason, @Nullable Integer answers) {}

  /// Resolves a name now.
  ///
  /// @return null if there is none
  /// @throws ApiException if the adapter exists and cannot be served
  @Nullable Served find(String model);

  /// Whether an adapter's files still match its digest; folders may change.
  ///
  /// @throws dev.nudge.settings.InputException if the files cannot be read any more
  boolean isStill(Served served);

  /// Whether a name of the server hides the registry's adapter of that name, so that permission
  /// for one does not extend to the other.
  boolean hides(String name);

  /// All adapters, without the base.
  List<Card> list();

  /// The aliases that are at a version which this server cannot serve, as far as they were asked.
  List<Unusable> unusable();

  /// Registers an adapter under a name.
  ///
  /// @param place a reference, or a folder below the adapter root
  /// @param replace whether an existing name is replaced
  /// @param check called with the adapter before it is registered
  /// @throws ApiException if the place is invalid, or the name is taken
  Served load(String name, String place, boolean replace, Consumer<Served> check);

  /// Unregisters a name; running answers keep their adapter.
  ///
  /// @return the adapter it referred to; null if there was no such name
  @Nullable Served unload(String name);
}
