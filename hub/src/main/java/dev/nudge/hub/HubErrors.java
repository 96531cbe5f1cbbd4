package dev.nudge.hub;

import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/// Describes a refusal of the hub in one line: what was requested, and the remedy.
final class HubErrors {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int SHOWN = 200; // characters of the hub's message

  private HubErrors() {}

  /// Thrown if a repository does not exist, or may not be seen.
  static final class Unknown extends InputException {
    Unknown(String message) {
      super(message);
    }
  }

  static NudgeException of(HubClient.Answer answer, RepoName name, HubSettings settings)
      throws IOException {
    boolean token = settings.sent() != null;
    int status = answer.status();
    String page = settings.endpoint() + "/" + name.kind().prefix() + name.id();
    return switch (answer.header("X-Error-Code")) {
      case "GatedRepo" ->
          new InputException(
              token
                  ? "%s is gated, and the token's account has no access yet: ask for it at %s"
                      .formatted(name, page)
                  : "%s is gated: accept its terms at %s, then give a token of that account as HF_TOKEN%s"
                      .formatted(name, page, withheld(settings)));
      case "RevisionNotFound" ->
          new InputException("%s has no revision '%s'".formatted(name.id(), name.revision()));
      case "EntryNotFound" ->
          new InputException(
              "%s has lost a file of its listing: %s"
                  .formatted(name, HubClient.shown(answer.response().uri())));
      case "RepoNotFound" -> unknown(name, settings, token);
      default ->
          switch (status) {
            case 401, 403, 404 ->
                settings.isOwn(answer.response().uri())
                    ? own(status, name, settings)
                    : foreign(answer, name);
            default ->
                new RunException(
                    "%s answered %d for %s%s"
                        .formatted(
                            HubClient.shown(answer.response().uri()), status, name, said(answer)));
          };
    };
  }

  private static InputException own(int status, RepoName name, HubSettings settings) {
    boolean token = settings.sent() != null;
    if (status == 404) {
      return unknown(name, settings, token);
    }
    return new InputException(
        token
            ? "%s refuses the token (%d) for %s: check HF_TOKEN, or the file that holds it"
                .formatted(settings.endpoint(), status, name)
            : "%s refuses %s without a token (%d): give one as HF_TOKEN%s"
                .formatted(settings.endpoint(), name, status, withheld(settings)));
  }

  /// Makes the error for an answer of a store to which the hub redirected.
  private static RunException foreign(HubClient.Answer answer, RepoName name) throws IOException {
    String host = answer.response().uri().getAuthority();
    return new RunException(
        "%s does not take the link that the hub gave for %s (%d%s); try again, and if it stays so see whether this network forbids %s"
            .formatted(host, name, answer.status(), said(answer), host));
  }

  private static Unknown unknown(RepoName name, HubSettings settings, boolean token) {
    return new Unknown(
        token
            ? "%s is not at %s, or the token may not see it".formatted(name, settings.endpoint())
            : "%s is not at %s, or it is private and needs a token (HF_TOKEN)%s"
                .formatted(name, settings.endpoint(), withheld(settings)));
  }

  private static String withheld(HubSettings settings) {
    return settings.withheld().isEmpty() ? "" : "; " + settings.withheld();
  }

  /// Returns the hub's message on one line.
  private static String said(HubClient.Answer answer) throws IOException {
    String said = answer.header("X-Error-Message");
    if (said.isEmpty()) {
      try (InputStream body = new Silence(answer.response().body(), PATIENCE)) {
        said = new String(body.readNBytes(SHOWN), StandardCharsets.UTF_8);
      }
    }
    String line = said.replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
    return line.isEmpty() ? "" : ": " + line.substring(0, Math.min(SHOWN, line.length()));
  }
}
