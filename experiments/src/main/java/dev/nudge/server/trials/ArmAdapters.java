package dev.nudge.server.trials;

import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.server.ServedAdapters;
import dev.nudge.server.experiments.Arm;
import dev.nudge.server.experiments.Resolver;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Served;
import dev.nudge.settings.InputException;
import org.jspecify.annotations.Nullable;

/// Connects experiments to the server's adapters: resolves arms to digests and rolls aliases back.
///
/// @param registry registry of the aliases
/// @param base name of the base model
public record ArmAdapters(ServedAdapters adapters, Registry registry, String base)
    implements Resolver {

  @Override
  public @Nullable String digest(String adapter) {
    if (adapter.equals(base)) {
      return null;
    }
    Served served = found(adapter);
    if (served == null) {
      throw new InputException(
          "there is no adapter '%s'; GET /v1/models lists names and aliases, GET /v1/adapters all versions"
              .formatted(ApiException.shown(adapter)));
    }
    return served.digest();
  }

  private @Nullable Served found(String adapter) {
    try {
      return adapters.find(adapter);
    } catch (ApiException e) {
      throw new InputException(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public boolean isTaken(String name) {
    return name.equals(base) || found(name) != null;
  }

  @Override
  public void rollBack(String experiment, Arm arm, String reason) {
    String digest = arm.digest();
    boolean alias =
        Reference.isReference(arm.adapter())
            && Reference.parse(arm.adapter()).to() instanceof Reference.Alias;
    if (!alias || digest == null) {
      throw new InputException(
          "'%s' is no alias of the registry, so there is nothing to roll back"
              .formatted(arm.adapter()));
    }
    Reference reference = Reference.parse(arm.adapter());
    registry.rollback(
        reference.name(),
        ((Reference.Alias) reference.to()).alias(),
        Alias.Expected.at(digest), // if a user has moved it meanwhile, it stays
        Note.by("experiment " + experiment, reason));
  }

  /// Resolves an arm to the adapter version with its digest, even if its alias has moved.
  ///
  /// @param asked model name of the request
  /// @throws ApiException if that version was removed
  public Served served(String asked, Arm arm) {
    String digest = arm.digest();
    if (digest == null) {
      return new Served(asked, base, null, null, null);
    }
    Served now = null;
    try {
      now = adapters.find(arm.adapter());
    } catch (ApiException | InputException e) {
      // its alias or folder now leads to an unusable adapter; the arm needs another version
    }
    if (now == null || !digest.equals(now.digest())) {
      String name = now == null ? arm.adapter().split("[@:]", 2)[0] : now.name();
      now = adapters.find(name + "@" + digest);
    }
    if (now == null) {
      throw ApiException.internal(
          "arm %s of %s is not there any more: %s".formatted(arm.name(), asked, digest));
    }
    return new Served(asked, now.name(), now.version(), digest, now.folder());
  }
}
