package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.ComparedAnswers;
import dev.nudge.data.rows.PreferenceShape;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.tokens.CutRows.Loss;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Encoded;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Turns the content of a row into tokens and a label mask.
///
/// Prompt and completion are encoded as one text, as at inference; a token that reaches past the
/// character where the completion begins is part of the completion, also if it straddles the
/// boundary. The end token follows once, unless the ids end with it already, and is trained. The
/// first token of a row is never trained. (The rule of TRL.)
///
/// A row longer than the limit, end token included, is bad or truncated: its prompt from the left,
/// after the post-processor's tokens, so that the answer and its nearest context stay; only an
/// answer that is too long alone loses its end, with the end token. A text loses its end, is split
/// into consecutive sequences, or is concatenated with others (`Concatenation`); a conversation
/// loses its end.
///
/// Threading: any number of threads.
public final class RowEncoder {
  private final Tokenizer tokenizer;
  private final int end;
  private final LengthSettings length;
  private final boolean splits; // there is a flag for it
  private final int maxLength;
  private final @Nullable Conversations chat;
  private final WantedRows rows;
  private final @Nullable RowEncoder uncut; // of answers that are compared

  /// @param splits whether a user may choose `--split`
  /// @param chat null: there is no template, and conversations are bad rows
  public RowEncoder(
      Tokenizer tokenizer,
      LengthSettings length,
      boolean splits,
      int maxLength,
      @Nullable Conversations chat) {
    this(tokenizer, length, splits, maxLength, chat, WantedRows.TEXTS);
  }

  RowEncoder(
      Tokenizer tokenizer,
      LengthSettings length,
      boolean splits,
      int maxLength,
      @Nullable Conversations chat,
      WantedRows rows) {
    this.rows = rows;
    this.uncut =
        rows.objective().compares()
            ? new RowEncoder(tokenizer, length, splits, Integer.MAX_VALUE, chat)
            : null;
    this.chat = chat;
    this.tokenizer = tokenizer;
    this.end = tokenizer.eosId();
    this.length = length;
    this.splits = splits;
    this.maxLength = maxLength;
  }

  int maxLength() {
    return maxLength;
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  /// What the rows are for.
  WantedRows rows() {
    return rows;
  }

  /// What tokens and marks of a row follow from, beside the row and how it is read; null where it
  /// is not known.
  @Nullable Map<String, @Nullable Object> rule() {
    Map<String, @Nullable Object> rule = new LinkedHashMap<>();
    rule.put("tokenizer", tokenizer.digest());
    rule.put("end", end);
    rule.put("length", length);
    rule.put("max_length", maxLength);
    rule.put("rows", rows);
    String template = chat == null ? null : chat.digest();
    rule.put("chat", template);
    return chat != null && template == null ? null : rule;
  }

  /// Whether this content is put behind others; its sequence has any length then.
  boolean concatenates(Content content) {
    return length.concatenate() && content instanceof Content.Text;
  }

  /// The sequences of a row.
  ///
  /// @param sharesToken whether a token has a part of the prompt and of the completion
  public record Sequences(List<Sequence> parts, Loss loss, boolean sharesToken) {
    Sequences(List<Sequence> parts, Loss loss) {
      this(parts, loss, false);
    }
  }

  /// A row that was read and encoded.
  ///
  /// @param contents of each answer that is compared, or the only one
  /// @param shape what the row looks like
  record EncodedRow(Row row, List<Content> contents, DataShape shape, Sequences sequences) {}

  /// Reads and encodes a row.
  EncodedRow encode(RowShape shape, SourceLine line) throws BadRowException {
    Row row = Row.parse(line);
    PreferenceShape preferences = shape.preferences();
    if (preferences == null) {
      Content content = shape.content(row);
      return new EncodedRow(row, List.of(content), content.shape(), encode(content));
    }
    ComparedAnswers answers = preferences.read(row);
    return new EncodedRow(row, answers.answers(), answers.shape(), encode(answers));
  }

  public Sequences encode(Content content) throws BadRowException {
    try {
      return switch (content) {
        case Content.Answer answer -> answer(answer);
        case Content.Text text -> text(text);
        case Content.Conversation _, Content.ChatAnswer _ -> chat(rendered(content));
      };
    } catch (IllegalArgumentException e) {
      throw new BadRowException(String.valueOf(e.getMessage()), "the text is not Unicode");
    }
  }

  /// Encodes answers that are compared. One that is too long loses its end, as in TRL: its prompt
  /// is the same as that of the answer it is compared with. A row is left out where a prompt leaves
  /// no room for an answer, or a reward would be read before the end of one.
  private Sequences encode(ComparedAnswers row) throws BadRowException {
    if (rows.promptsOnly()) {
      return prompt(row.answers().getFirst());
    }
    List<Sequence> parts = new ArrayList<>();
    Loss loss = Loss.NOTHING;
    for (int i = 0; i < row.answers().size(); i++) {
      RowEncoder encoder = Objects.requireNonNull(uncut);
      Sequence whole = encoder.encode(row.answers().get(i)).parts().getFirst();
      if (!row.finished().get(i)) {
        whole = unfinished(whole);
      }
      int kept = Math.min(whole.length(), maxLength);
      Sequence part = whole.first(kept, row.values().get(i));
      if (kept < whole.length()) {
        if (!length.truncate()) {
          throw tooLong(whole.length(), "its end");
        }
        boolean out = rows.objective().givesScores() || part.trained().isEmpty();
        loss = out || loss == Loss.LEFT_OUT ? Loss.LEFT_OUT : Loss.END;
      }
      parts.add(part);
    }
    return new Sequences(loss == Loss.LEFT_OUT ? List.of() : parts, loss);
  }

  /// An answer without its end token, which is the last that is trained.
  private static Sequence unfinished(Sequence whole) throws BadRowException {
    Sequence rest = whole.first(Math.max(0, whole.trained().length() - 1), 0);
    if (rest.trained().isEmpty()) {
      throw new BadRowException(
          "a completion is empty and not finished: it has no token to train",
          "a completion is empty and not finished");
    }
    return rest;
  }

  /// A prompt without an answer: nothing of it is trained.
  private Sequences prompt(Content content) throws BadRowException {
    PromptEncoder encoder = new PromptEncoder(tokenizer, chat, false);
    RowShape.Prompt asked =
        switch (content) {
          case Content.ChatAnswer row -> new RowShape.Prompt.Messages(row.prompt(), row.tools());
          case Content.Answer row -> new RowShape.Prompt.Text(row.prompt());
          case Content.Conversation _, Content.Text _ ->
              throw new IllegalStateException("a prompt is asked");
        };
    Conversations.Prompt prompt = encoder.prompt(asked);
    Prompts.check(prompt.ids().length, maxLength);
    Sequence.Text text = new Sequence.Text(prompt.text(), null);
    return new Sequences(List.of(new Sequence(prompt.ids(), new BitSet(), text)), Loss.NOTHING);
  }

  private Sequences answer(Content.Answer row) throws BadRowException {
    Sequence.Text text = new Sequence.Text(row.prompt() + row.completion(), null);
    Encoded encoded = text.encode(tokenizer);
    int begin = row.prompt().codePointCount(0, row.prompt().length());
    int[] ids = ended(encoded.ids());
    BitSet trained = new BitSet(ids.length);
    boolean shares = false;
    for (int i = 1; i < encoded.length(); i++) {
      trained.set(i, encoded.ends()[i] > begin); // -1: added by the post-processor
      shares |= encoded.ends()[i] > begin && encoded.starts()[i] < begin;
    }
    trained.set(ids.length - 1, ids.length > 1);
    if (ids.length <= maxLength) {
      return new Sequences(List.of(new Sequence(ids, trained, text)), Loss.NOTHING, shares);
    }
    if (!length.truncate()) {
      throw tooLong(ids.length, "its prompt from the left");
    }
    return cut(ids, trained, encoded, begin);
  }

  private Sequences cut(int[] ids, BitSet trained, Encoded encoded, int begin) {
    int answer = 0; // its first token, trained or not
    while (answer < encoded.length() && encoded.ends()[answer] <= begin) {
      answer++;
    }
    int kept = 0; // tokens that the post-processor put before the text
    while (kept < answer && encoded.ends()[kept] < 0) {
      kept++;
    }
    kept = Math.min(kept, maxLength);
    int from = ids.length - (maxLength - kept);
    Loss loss = from > answer ? Loss.ANSWER : Loss.PROMPT;
    from = Math.min(answer, from);
    int[] shorter = Arrays.copyOf(ids, maxLength);
    System.arraycopy(ids, from, shorter, kept, maxLength - kept);
    BitSet some = new BitSet(maxLength);
    for (int i = Math.max(1, kept); i < maxLength; i++) {
      some.set(i, trained.get(from + i - kept));
    }
    return new Sequences(List.of(new Sequence(shorter, some, null)), loss);
  }

  private Sequences text(Content.Text row) throws BadRowException {
    int[] ids = ended(tokenizer.ids(row.text()));
    if (length.concatenate()) { // and cut by the one who puts them together
      return new Sequences(List.of(new Sequence(ids, new BitSet(), null)), Loss.NOTHING);
    }
    if (ids.length > maxLength && !length.split() && !length.truncate()) {
      throw tooLong(ids.length, "its end" + (splits ? ", --split makes several rows of it" : ""));
    }
    List<Sequence> parts = new ArrayList<>();
    for (int from = 0; from < ids.length; from += maxLength) {
      int[] part = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + maxLength));
      BitSet trained = new BitSet(part.length);
      trained.set(1, part.length);
      Sequence.Text text = from == 0 ? new Sequence.Text(row.text(), null) : null;
      parts.add(new Sequence(part, trained, text));
      if (!length.split()) {
        break;
      }
    }
    Loss cut = length.split() ? Loss.SPLIT : Loss.TEXT;
    return new Sequences(parts, ids.length > maxLength ? cut : Loss.NOTHING);
  }

  private Sequence rendered(Content content) throws BadRowException {
    if (chat == null) {
      throw RowShape.noTemplate();
    }
    try {
      return switch (content) {
        case Content.Conversation row -> chat.conversation(row.messages(), row.tools());
        case Content.ChatAnswer row -> chat.answer(row.prompt(), row.completion(), row.tools());
        case Content.Answer _, Content.Text _ -> throw new IllegalStateException("no conversation");
      };
    } catch (IllegalArgumentException e) {
      throw new BadRowException(String.valueOf(e.getMessage()));
    }
  }

  private Sequences chat(Sequence row) throws BadRowException {
    if (row.length() <= maxLength) {
      return new Sequences(List.of(row), Loss.NOTHING);
    }
    if (!length.truncate()) {
      throw tooLong(row.length(), "its end");
    }
    return new Sequences(List.of(row.first(maxLength, 0)), Loss.CHAT);
  }

  private int[] ended(int[] ids) {
    if (ids.length > 0 && ids[ids.length - 1] == end) {
      return ids;
    }
    int[] longer = Arrays.copyOf(ids, ids.length + 1);
    longer[ids.length] = end;
    return longer;
  }

  private BadRowException tooLong(int tokens, String cut) {
    return new BadRowException(
        tokens + " tokens are more than --max-length " + maxLength + "; --truncate cuts " + cut,
        "more tokens than --max-length " + maxLength);
  }
}
