package dev.nudge.server.experiments;

import dev.nudge.format.Json;
import dev.nudge.server.experiments.AnswerFacts.Outcome;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Definitions, answers and a server for tests.
final class Some {
  static final String AB =
      "{'name': 'tone', 'arms': [{'adapter': 'support@champion'}, {'adapter': 'support@canary'}],"
          + " 'salt': 's1'}";

  private Some() {}

  static Definition definition(String json) {
    return DefinitionReader.read(Json.parse(json.replace('\'', '"')));
  }

  /// An A/B test with other fields behind its own.
  static String ab(String more) {
    return AB.substring(0, AB.length() - 1) + ", " + more + "}";
  }

  static AnswerFacts done(String id, int tokens) {
    return new AnswerFacts(
        id, Outcome.DONE, tokens == 0, 12, tokens, 0.05, 0.05 + tokens * 0.01, false, null);
  }

  static AnswerFacts done(double firstToken) {
    return new AnswerFacts(
        null, Outcome.DONE, false, 12, 20, firstToken, firstToken + 0.4, false, null);
  }

  static AnswerFacts failed() {
    return new AnswerFacts(null, Outcome.FAILED, false, 0, 0, null, 1, false, null);
  }

  /// A server whose aliases can be moved.
  static class Server implements Resolver {
    final List<String> rolledBack = new ArrayList<>();
    String generation = "1";
    boolean full;

    @Override
    public @Nullable String digest(String adapter) {
      if (adapter.equals("none@champion")) {
        throw new InputException("there is no adapter 'none'");
      }
      return adapter.equals("base") ? null : "sha256:" + adapter + generation;
    }

    @Override
    public boolean isTaken(String name) {
      return name.equals("support");
    }

    @Override
    public void rollBack(String experiment, Arm arm, String reason) {
      if (full) {
        throw new RunException("the disk is full");
      }
      rolledBack.add(experiment + ": " + arm.adapter() + ": " + reason);
    }
  }
}
