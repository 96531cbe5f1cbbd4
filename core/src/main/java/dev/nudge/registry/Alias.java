package dev.nudge.registry;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A name that moves between the versions of an adapter.
///
/// @param name of the alias alone
/// @param version number of the version that it is at
/// @param digest of that version
/// @param moved who put it there, when, and why
/// @param before digests of where it was, the latest last: a rollback takes the last one off
public record Alias(String name, int version, String digest, Note moved, List<String> before) {

  /// What a caller believes of an alias that it moves, so that of two who move it at once one is
  /// refused.
  ///
  /// @param any whatever it is at
  /// @param digest where it is; null: nowhere
  public record Expected(boolean any, @Nullable String digest) {
    /// Wherever it is.
    public static final Expected ANY = new Expected(true, null);

    /// The alias is not there yet.
    public static final Expected NONE = new Expected(false, null);

    /// It is at a version.
    public static Expected at(String digest) {
      return new Expected(false, digest);
    }
  }
}
