package dev.nudge.server;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The adapters of a server by the names that requests have for them.
///
/// A name that is not there is an error, and never the base. Threading: any number of threads.
public interface ServedAdapters {
  /// An adapter as lists show it.
  ///
  /// @param id what a request names it by
  /// @param served what that is now
  record Card(String id, Served served) {}

  /// Finds what a name stands for now.
  ///
  /// @return null: nothing
  /// @throws ApiException where it is there and cannot be served
  @Nullable Served find(String model);

  /// Whether the files of an adapter are still those of its digest; folders may be written into.
  ///
  /// @throws dev.nudge.settings.InputException where they cannot be read any more
  boolean isStill(Served served);

  /// Whether a name that the server was given stands for something else than the registry's adapter
  /// of that name: who may use the one may not use the other.
  boolean hides(String name);

  /// All that there is, the base left out.
  List<Card> list();

  /// Gives an adapter a name.
  ///
  /// @param place a reference, or a folder below the root of adapters
  /// @param replace whether the name may stand for another one already
  /// @param check looks at it before the name stands for it
  /// @throws ApiException where the place is none, or the name is taken
  Served load(String name, String place, boolean replace, Consumer<Served> check);

  /// Takes a name away; answers under way keep their adapter.
  ///
  /// @return what it stood for; null: there was no such name
  @Nullable Served unload(String name);
}
