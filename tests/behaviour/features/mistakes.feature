Feature: Mistakes in a request
  Who writes a client wants to know what is wrong with a request, all of it, at once.

  Background:
    Given no prices
    And the service runs

  Scenario Outline: A date that is none
    When I ask for the rates from CNGGZ to EETLL between <from> and <to>
    Then the answer is 400
    And the problem names <parameter>

    Examples:
      | from       | to         | parameter |
      | 2021-02-30 | 2021-03-01 | date_from |
      | 2021-13-01 | 2021-12-31 | date_from |
      | yesterday  | 2021-12-31 | date_from |
      | 2021-01-01 | 2021-1-32  | date_to   |
      | 2021-01-01 | infinity   | date_to   |

  Scenario Outline: Something is missing
    When I ask for "<path>"
    Then the answer is 400
    And the problem names <parameter>

    Examples:
      | path                                                                    | parameter |
      | /rates?date_to=2021-01-31&orig_code=CNGGZ&dest_code=EETLL               | date_from |
      | /rates?date_from=2021-01-01&orig_code=CNGGZ&dest_code=EETLL             | date_to   |
      | /rates?date_from=2021-01-01&date_to=2021-01-31&dest_code=EETLL          | orig_code |
      | /rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ          | dest_code |
      | /rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=&dest_code=EETLL | orig_code |

  Scenario: All mistakes are named together
    When I ask for "/rates?date_from=now&orig_code=china&page=2"
    Then the answer is 400
    And the problem names date_from
    And the problem names date_to
    And the problem names orig_code
    And the problem names dest_code
    And the problem names page

  Scenario: SQL in an argument is an argument
    When I ask for "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ';DROP%20TABLE%20prices--&dest_code=EETLL"
    Then the answer is 400
    And the table prices is still there

  Scenario: A path that is not there
    When I ask for "/prizes"
    Then the answer is 404
    And it is a problem

  Scenario: A method that is not served
    When I send DELETE to "/rates"
    Then the answer is 405
    And the methods allowed are GET, HEAD, OPTIONS
