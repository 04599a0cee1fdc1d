Feature: Ports and regions
  Who fills a form wants to find a port by a part of its name.

  Background:
    Given the regions
      | slug            | name            | parent          |
      | northern_europe | Northern Europe |                 |
      | baltic          | Baltic          | northern_europe |
    And the ports
      | code  | name        | region |
      | EETLL | Tallinn     | baltic |
      | LVRIX | Riga        | baltic |
      | PLGDN | Gdansk      | baltic |
      | PLGDY | Gdynia      | baltic |
    And the service runs

  Scenario: A part of the name is enough
    When I ask for "/ports?name=gd"
    Then the answer is 200
    And the ports are PLGDN, PLGDY

  Scenario: A long list comes in pages
    When I ask for "/ports?limit=3"
    Then the ports are EETLL, LVRIX, PLGDN
    When I ask for "/ports?limit=3&after=PLGDN"
    Then the ports are PLGDY

  Scenario: A port that comes in between is not missed
    When I ask for "/ports?limit=2"
    Then the ports are EETLL, LVRIX
    When the port NOOSL "Oslo" is added in baltic
    And I ask for "/ports?limit=2&after=LVRIX"
    Then the ports are NOOSL, PLGDN

  Scenario: One port
    When I ask for "/ports/EETLL"
    Then the answer is 200
    And the answer says
      | code | EETLL       |
      | name | Tallinn     |

  Scenario: A port that nobody knows
    When I ask for "/ports/XXXXX"
    Then the answer is 404
    And it is a problem

  Scenario: The region around a region
    When I ask for "/regions/baltic"
    Then the answer says
      | slug        | baltic          |
      | parent_slug | northern_europe |
