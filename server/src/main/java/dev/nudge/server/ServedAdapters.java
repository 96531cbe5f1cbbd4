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

  /// Returns whether an adapter's files still match its digest.
  ///
  /// @throws dev.nudge.settings.InputException if the files became unreadable
  boolean isStill(Served served);

  /// Returns whether a server name hides the registry's adapter of that name, so that permission
  /// for one excludes the other.
  boolean hides(String name);

  /// All adapters, without the base.
  List<Card> list();

  /// Returns the requested aliases whose version this server cannot serve.
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
