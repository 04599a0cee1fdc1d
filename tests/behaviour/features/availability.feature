Feature: The database goes away
  Who operates the service restarts the database without touching the service.

  Background:
    Given the prices
      | origin | destination | day        | prices           |
      | CNGGZ  | EETLL       | 2021-01-31 | 1100, 1163, 1200 |
    And the service runs

  Scenario: A read waits for a database that is away for a moment
    When the database goes away for 1 second
    And I ask for the rates from CNGGZ to EETLL between 2021-01-31 and 2021-01-31
    Then the answer is 200
    And the rates are
      | day        | count | price              |
      | 2021-01-31 | 3     | 1154.3333333333333 |

  Scenario: A database that stays away is a problem that passes
    When the database goes away
    And I ask for the rates from CNGGZ to EETLL between 2021-01-31 and 2021-01-31
    Then the answer is 503
    And it is a problem
    And it says when to try again
    When the database comes back
    And I ask for the rates from CNGGZ to EETLL between 2021-01-31 and 2021-01-31
    Then the answer is 200

  Scenario: What needs no database goes on without it
    When the database goes away
    And I ask for "/"
    Then the answer is 200
    And the answer says
      | message | Hello world! |
