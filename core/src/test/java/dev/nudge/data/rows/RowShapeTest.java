package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.ShapeSettings;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowShapeTest {
  private static final String HI =
      "[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"ho\"}]";

  private static RowShape.Content read(@Nullable DataShape shape, List<String> columns, String row)
      throws BadRowException {
    ShapeSettings settings = new ShapeSettings(shape, columns, null, null);
    return RowShape.of(
            new DataSettings(List.of("f"), null, null, settings, TrainOn.ASSISTANT, false))
        .content(Row.parse(row));
  }

  private static String messages(@Nullable DataShape shape, List<String> columns, String row)
      throws BadRowException {
    return ((RowShape.Content.Conversation) read(shape, columns, row)).messages().toString();
  }

  @Test
  void messagesStayAsTheyAreWithAllTheirKeys() throws BadRowException {
    String all =
        "[{\"role\":\"system\",\"content\":\"be short\",\"name\":\"s\"},"
            + "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},"
            + "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1.0}}}]},"
            + "{\"role\":\"tool\",\"content\":\"2\"},"
            + "{\"role\":\"assistant\",\"content\":\"é\",\"train\":false,\"weight\":0.5}]";
    assertThat(messages(null, List.of(), "{\"messages\": " + all + ", \"id\": 1}")).isEqualTo(all);
    assertThat(read(null, List.of(), "{\"messages\": " + HI + ", \"text\": \"x\"}").shape())
        .isEqualTo(DataShape.MESSAGES);
  }

  @Test
  void toolsAreAListOrATextThatIsOne() throws BadRowException {
    String list = "[{\"name\":\"f\"}]";
    for (String tools : List.of(list, "\"[{\\\"name\\\":\\\"f\\\"}]\"")) {
      var row =
          (RowShape.Content.Conversation)
              read(null, List.of(), "{\"messages\": " + HI + ", \"tools\": " + tools + "}");
      assertThat(row.tools()).hasToString(list);
    }
    for (String none : List.of("null", "[]", "\"\"")) {
      var row =
          (RowShape.Content.Conversation)
              read(null, List.of(), "{\"messages\": " + HI + ", \"tools\": " + none + "}");
      assertThat(row.tools()).isNull();
    }
  }

  @Test
  void shareGptBecomesMessages() throws BadRowException {
    String row =
        "{\"system\": \"s\", \"conversations\": [{\"from\": \"human\", \"value\": \"a\"},"
            + " {\"from\": \"function_call\", \"value\": \"{\\\"name\\\": \\\"f\\\"}\"},"
            + " {\"from\": \"observation\", \"value\": \"1\"},"
            + " {\"from\": \"GPT\", \"value\": \"b\", \"weight\": 0},"
            + " {\"role\": \"user\", \"content\": \"c\"}]}";
    assertThat(messages(null, List.of(), row))
        .isEqualTo(
            "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"},"
                + "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]},"
                + "{\"role\":\"tool\",\"content\":\"1\"},{\"role\":\"assistant\",\"content\":\"b\",\"weight\":0},"
                + "{\"role\":\"user\",\"content\":\"c\"}]");
  }

  @Test
  void alpacaBecomesMessages() throws BadRowException {
    String row =
        "{\"instruction\": \"add\", \"input\": \"1 2\", \"output\": \"3\", \"system\": \"s\","
            + " \"history\": [[\"a\", \"b\"]]}";
    assertThat(messages(null, List.of(), row))
        .isEqualTo(
            "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"add\\n"
                + "\\n"
                + "1 2\"},{\"role\":\"assistant\",\"content\":\"3\"}]");
    assertThat(messages(null, List.of(), "{\"instruction\": \"a\", \"output\": \"b\"}"))
        .isEqualTo(
            "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]");
  }

  @Test
  void promptAndCompletionMayBeListsOfMessages() throws BadRowException {
    String row =
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}],"
            + " \"completion\": [{\"role\": \"assistant\", \"content\": \"b\"}]}";
    var answer = (RowShape.Content.ChatAnswer) read(null, List.of(), row);
    assertThat(answer.prompt()).hasToString("[{\"role\":\"user\",\"content\":\"a\"}]");
    assertThat(answer.completion()).hasToString("[{\"role\":\"assistant\",\"content\":\"b\"}]");
  }

  @Test
  void columnsMayHaveOtherNames() throws BadRowException {
    String row = "{\"dialog\": " + HI + ", \"q\": \"a\", \"a, b\": \"c\", \"text\": \"t\"}";
    assertThat(messages(null, List.of("messages=dialog"), row)).isEqualTo(HI);
    assertThat(read(null, List.of("prompt=q,completion=a, b"), row))
        .isEqualTo(new RowShape.Content.Answer("a", "c"));
    assertThat(read(null, List.of("text=q"), row)).isEqualTo(new RowShape.Content.Text("a"));
    assertThatThrownBy(() -> read(null, List.of("dialog=messages"), row))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the row's own name stands behind the sign: messages=dialog");
    assertThatThrownBy(() -> read(null, List.of("messages"), row))
        .isInstanceOf(InputException.class)
        .hasMessage("--columns is 'messages'; it must be NAME=COLUMN, such as messages=dialog");
    assertThatThrownBy(() -> read(null, List.of("text=a", "text=b"), row))
        .isInstanceOf(InputException.class)
        .hasMessage("--columns gives text twice; leave one out");
  }

  @Test
  void aShapeThatIsNamedIsTheOnlyOne() throws BadRowException {
    String row = "{\"messages\": " + HI + ", \"text\": \"x\"}";
    assertThat(read(DataShape.TEXT, List.of(), row)).isEqualTo(new RowShape.Content.Text("x"));
    assertThatThrownBy(() -> read(DataShape.ALPACA, List.of(), row))
        .hasMessageStartingWith("no column 'instruction'");
    assertThatThrownBy(
            () ->
                new DataSettings(
                    List.of("f"),
                    "{a}",
                    null,
                    new ShapeSettings(DataShape.TEXT, List.of(), null, null),
                    TrainOn.ASSISTANT,
                    false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--shape text says that it is something else");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]|'messages' is an empty list; messages are needed",
        "{}|column 'messages' is an object; a list of messages is needed",
        "\"hi\"|column 'messages' is a text; a list of messages is needed",
        "\"[1\"|column 'messages' is a text that is no JSON: ",
        "[1]|message 1 is a number; an object with role and content is needed",
        "[{\"content\": \"a\"}]|message 1 has no role; known roles are system, developer, user,",
        "[{\"role\": \"human\", \"content\": \"a\"}]|message 1 has the role 'human'; known roles",
        "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\"}]|message 2 has no"
            + " content",
        "[{\"role\": \"user\", \"content\": null}]|message 1 has no content",
        "[{\"role\": \"user\", \"content\": 1}]|message 1 has a content that is a number; a text"
            + " or",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]|message 1 has a part of"
            + " type 'image_url'; parts of text are supported",
        "[{\"role\": \"user\", \"content\": [{}]}]|message 1 has a part without a type",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"text\"}]}]|message 1 has a part without a"
            + " text",
        "[{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": {}}]|message 1 has"
            + " tool_calls that are an object; a list is needed",
        "[{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{}]}]|message 1 has a tool"
            + " call without the name of its function",
        "[{\"role\": \"user\", \"content\": \"a\"}]|the conversation has no message of the"
            + " assistant: nothing to train",
      })
  void aMistakeNamesTheMessage(String messages, String reason) {
    assertThatThrownBy(() -> read(null, List.of(), "{\"messages\": " + messages + "}"))
        .isInstanceOf(BadRowException.class)
        .hasMessageStartingWith(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"conversations\": [{\"from\": \"x\", \"value\": \"a\"}]}|message 1 of 'conversations' is"
            + " from 'x'; known are",
        "{\"conversations\": [{\"from\": \"gpt\"}]}|message 1 of 'conversations' has no text"
            + " 'value'",
        "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"f\"}]}|message 1 of"
            + " 'conversations' is a function_call whose value",
        "{\"instruction\": \"a\", \"output\": \"b\", \"history\": [[\"a\"]]}|turn 1 of 'history' is"
            + " no pair of texts",
        "{\"prompt\": [], \"completion\": \"a\"}|of 'prompt' and 'completion' one is a list of"
            + " messages and one is not",
        "{\"prompt\": [], \"completion\": [{\"role\": \"assistant\", \"content\": \"a\"}]}|'prompt'"
            + " is an empty list",
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"completion\": [{\"role\":"
            + " \"user\", \"content\": \"a\"}]}|'completion' has no message of the assistant",
        "{\"dialog\": [1]}|neither 'prompt' and 'completion' nor 'messages' nor 'text'; the columns"
            + " are dialog; if dialog holds the messages, say --columns messages=dialog",
        "{\"messages\": null}|column 'messages' is null",
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"tools\": [1]}|tool 1 of"
            + " 'tools' is a number; an object is needed",
      })
  void whatIsWrongWithOtherShapesIsTold(String row, String reason) {
    assertThatThrownBy(() -> read(null, List.of(), row))
        .isInstanceOf(BadRowException.class)
        .hasMessageStartingWith(reason);
  }

  @ParameterizedTest
  @CsvSource({
    "user assistant, true",
    "system user assistant user assistant, true",
    "developer system user assistant, true",
    "user assistant tool tool assistant, true",
    "assistant user, false",
    "user user assistant, false",
    "user assistant assistant, false",
    "user system assistant, false",
    "user tool assistant, false"
  })
  void theOrderOfTurnsIsKnown(String roles, boolean inOrder) throws BadRowException {
    StringBuilder messages = new StringBuilder();
    for (String role : roles.split(" ")) {
      messages.append(messages.isEmpty() ? "[" : ",");
      messages.append("{\"role\": \"%s\", \"content\": \"a\"}".formatted(role));
    }
    var row =
        (RowShape.Content.Conversation) read(null, List.of(), "{\"messages\": " + messages + "]}");
    assertThat(MessageOrder.inOrder(row.messages())).isEqualTo(inOrder);
    assertThat(MessageOrder.hasEmpty(row.messages())).isFalse();
  }

  @Test
  void aMessageWithoutAWordIsKnown() throws BadRowException {
    var row =
        (RowShape.Content.Conversation)
            read(
                null,
                List.of(),
                "{\"messages\": [{\"role\": \"user\", \"content\": \" \\n"
                    + "\"}, {\"role\": \"assistant\", \"content\": \"a\"}]}");
    assertThat(MessageOrder.hasEmpty(row.messages())).isTrue();
  }
}
