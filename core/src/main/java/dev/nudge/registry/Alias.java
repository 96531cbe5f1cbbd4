package dev.nudge.registry;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An alias: a name that moves between the versions of an adapter.
///
/// @param name of the alias, without the adapter's name
/// @param version number of its current version
/// @param digest of that version
/// @param moved who moved it last, when, and why
/// @param before digests of its previous versions, the latest last: a rollback removes the last one
public record Alias(String name, int version, String digest, Note moved, List<String> before) {

  /// The checks that a forced move skips; the journal records them.
  ///
  /// @param gate whether to ignore the alias's protection; the note must say why
  /// @param base whether to allow a version of another base than before
  public record Force(boolean gate, boolean base) {
    /// Forces nothing.
    public static final Force NONE = new Force(false, false);
  }

  /// The expected position of an alias, for compare-and-set: of two concurrent moves one is
  /// refused.
  ///
  /// @param any whether any position is accepted
  /// @param digest of the expected version; null: the alias does not exist
  public record Expected(boolean any, @Nullable String digest) {
    /// Any position.
    public static final Expected ANY = new Expected(true, null);

    /// The alias does not exist yet.
    public static final Expected NONE = new Expected(false, null);

    /// The alias is at this version.
    public static Expected at(String digest) {
      return new Expected(false, digest);
    }
  }
}
